import { DEFAULT_UNIT, ETCD_UNIT } from '../etcd/service.js';
import { parseEtcdVersion } from '../etcd/version.js';
import { sh } from '../util/shell.js';
import { NETWORK_COMMANDS, parseNetwork } from './host-network.js';
import { GENERATION } from './lock-script.js';
import { HALF_MADE_USER_PATH, MANIFEST_PATH, parseManifest } from './manifest.js';
import {
  NO_UNIT,
  type HostEtcd,
  type ObservedPath,
  type ObservedUnit,
  type ObservedUser,
  type Observation,
  type Question,
} from './observation.js';
import { programPath } from './program.js';

/** Starts each section of the output; it appears in no file that is shown there. */
const MARK = '\x1e';
const UNIT_PROPERTIES = 'LoadState,ActiveState,SubState,UnitFileState,FragmentPath,Type,NRestarts';
const PATH_FORMAT = '%n\\0%F\\0%a\\0%U\\0%G\\0%u\\0%g\\0';
const PATH_FIELDS = 7;
/** Where people and programs put drop-ins; those of a distribution, below /usr/lib, are its own affair. */
const DROP_IN_PLACES = [
  '/etc/systemd/system.control',
  '/run/systemd/system.control',
  '/etc/systemd/system',
  '/run/systemd/system',
];
/** Programs that the scripts of this folder call; coreutils must be GNU's, for `stat --printf` and `mv -T`. */
const NEEDED = [
  'base64',
  'chown',
  'flock',
  'getent',
  'grep',
  'head',
  'install',
  'mktemp',
  'mv',
  'sha256sum',
  'stat',
  'systemctl',
  'timeout',
];

/**
 * The script that answers a question about a host. It changes nothing, and spawns few processes: it runs on every `up`.
 *
 * @returns text for the host's POSIX shell, to be run as root
 */
export function observeScript(question: Question): string {
  const lines = [
    'LC_ALL=C; export LC_ALL',
    `mark() { printf '\\036%s\\n' "$1"; }`,
    'mark host',
    'read -r v </proc/sys/kernel/hostname; echo "$v"; v=; read -r v </etc/machine-id; echo "$v"',
    '[ -d /run/systemd/system ] && echo systemd || echo other',
    '( ID=; VERSION_ID=; . /etc/os-release; echo "$ID"; echo "$VERSION_ID" ) 2>/dev/null',
    'mark lacks',
    `for t in ${NEEDED.join(' ')}; do command -v "$t" >/dev/null || echo "$t"; done`,
    'mark network',
    ...NETWORK_COMMANDS,
    'mark generation',
    GENERATION,
    'mark etcd',
    'e=$(command -v etcd) && echo "$e" && etcd --version',
    // A program that coreup has brought comes before the distribution's.
    sh`mark hidden-etcd; [ "$e" = ${programPath('etcd')} ] && [ -x /usr/bin/etcd ] &&`,
    'echo /usr/bin/etcd && /usr/bin/etcd --version',
    ...(question.apt ? ['mark apt; command -v apt-get >/dev/null && echo apt && apt-cache policy etcd-server'] : []),
    'mark fleet',
    'command -v fleetd; uname -m',
    'mark manifest',
    sh`[ -f ${MANIFEST_PATH} ] && cat ${MANIFEST_PATH}`,
  ];
  if (question.paths.length > 0) {
    // A data directory may be a link to a larger disk: with a slash, stat looks at what it leads to.
    const paths = [...question.paths, ...question.dataDirs.map((directory) => `${directory}/`)];
    lines.push('mark paths', sh`stat --printf ${PATH_FORMAT} -- ${paths} 2>/dev/null`);
    lines.push('mark digests', sh`sha256sum -z -- ${question.paths} 2>/dev/null`);
  }
  question.contents.forEach((path, position) => {
    lines.push(`mark 'content ${position}'`, sh`[ -f ${path} ] && { echo; base64 -w0 <${path}; }`);
  });
  const units = question.units.filter((unit) => !isTemplate(unit));
  if (units.length > 0) {
    lines.push('mark units', sh`systemctl show --property=${UNIT_PROPERTIES} -- ${units} 2>&1`);
  }
  // systemd tells of the drop-ins of units that it has loaded, and as they were then.
  const dropIns = question.units.flatMap((unit) => DROP_IN_PLACES.map((place) => sh`${`${place}/${unit}.d/`}*.conf`));
  lines.push(`mark drop-ins; for f in ${dropIns.join(' ')}; do [ ! -f "$f" ] || printf '%s\\0' "$f"; done`);
  for (const unit of question.units.filter(isTemplate)) {
    lines.push(sh`mark ${`template ${unit}`}`, sh`systemctl is-enabled -- ${unit} 2>/dev/null`);
  }
  if (question.users.length > 0)
    lines.push(sh`h=; [ ! -f ${HALF_MADE_USER_PATH} ] || h=$(sed 1q ${HALF_MADE_USER_PATH})`);
  for (const user of question.users) {
    // Whoever owns the file must not be able to start a section of this output.
    lines.push(
      sh`mark ${`user ${user}`}`,
      sh`[ "$h" != ${user} ] &&`,
      sh`u=$(getent passwd -- ${user}) && { echo "$u"; getent shadow -- ${user} || echo; } &&`,
      'u=${u%:*} && u=${u##*:}/.ssh/authorized_keys && [ -f "$u" ] && tr -d \'\\036\' <"$u"',
    );
  }
  lines.push('mark data');
  for (const directory of question.dataDirs) {
    lines.push(sh`[ -d ${`${directory}/member`} ] && printf ${'%s\\0'} ${directory}`);
  }
  lines.push('exit 0');
  return `${lines.join('\n')}\n`;
}

/**
 * @param output what the script of `observeScript(question)` printed
 * @throws RangeError if the output is not whole
 */
export function parseObservation(question: Question, output: string): Observation {
  const sections = new Map(
    output
      .split(MARK)
      .slice(1)
      .map((section) => {
        const end = section.indexOf('\n');
        return [section.slice(0, end), section.slice(end + 1)] as const;
      }),
  );
  const host = sections.get('host');
  if (host === undefined || !sections.has('data')) throw new RangeError('the observation of the host is not whole');
  const [hostname = '', machineId = '', init = '', os = '', version = ''] = host.split('\n');
  const [machine = '', fleetd] = lines(sections.get('fleet') ?? '').reverse();
  return {
    hostname,
    machineId,
    os: { id: os, version },
    network: parseNetwork(sections.get('network') ?? ''),
    lacks: lines(sections.get('lacks') ?? ''),
    machine,
    generation: (sections.get('generation') ?? '').trim(),
    systemd: init === 'systemd',
    etcd: parseEtcd(sections.get('etcd') ?? ''),
    hiddenEtcd: parseEtcd(sections.get('hidden-etcd') ?? ''),
    apt: parseApt(sections.get('apt') ?? ''),
    fleetd,
    paths: parsePaths(sections.get('paths') ?? '', sections.get('digests') ?? ''),
    contents: parseContents(question.contents, sections),
    units: withoutAlias([
      // Without systemd nothing is shown, and the units do not matter any more.
      ...parseUnits(
        init === 'systemd' ? question.units.filter((unit) => !isTemplate(unit)) : [],
        sections.get('units') ?? '',
      ),
      ...parseTemplates(question.units.filter(isTemplate), sections),
    ]),
    dropIns: (sections.get('drop-ins') ?? '').split('\0').filter((path) => path !== ''),
    users: parseUsers(question.users, sections),
    data: (sections.get('data') ?? '').split('\0').filter((directory) => directory !== ''),
    manifest: parseManifest(sections.get('manifest') ?? ''),
  };
}

/** The path, and what `etcd --version` says. */
function parseEtcd(section: string): HostEtcd | undefined {
  const [path = '', ...version] = section.split('\n');
  return path === '' ? undefined : { path, version: parseEtcdVersion(version.join('\n')) };
}

function parseApt(section: string): Observation['apt'] {
  if (!section.startsWith('apt\n')) return undefined;
  const candidate = /^ *Candidate: (.*)$/m.exec(section)?.[1] ?? '';
  return { candidate: candidate === '(none)' ? '' : candidate };
}

function parsePaths(stats: string, digests: string): Map<string, ObservedPath> {
  const sums = new Map(
    digests
      .split('\0')
      .filter((entry) => entry !== '')
      // coreutils marks binary mode with `*` where text mode has a space.
      .map((entry) => [entry.slice(66), entry.slice(0, 64)]),
  );
  const fields = stats.split('\0');
  const paths = new Map<string, ObservedPath>();
  for (let at = 0; at + PATH_FIELDS <= fields.length; at += PATH_FIELDS) {
    const [path = '', type = '', mode = '', user = '', group = '', uid = '', gid = ''] = fields.slice(at);
    const sha256 = sums.get(path);
    const kind = typeOf(type);
    const known = { type: kind, mode: Number.parseInt(mode, 8), user, group, uid: Number(uid), gid: Number(gid) };
    const name = path === '/' ? path : path.replace(/\/$/, '');
    paths.set(name, kind === 'file' && sha256 !== undefined ? { ...known, sha256 } : known);
  }
  return paths;
}

/** A file that is there has an empty line before its content. */
function parseContents(asked: readonly string[], sections: ReadonlyMap<string, string>): Map<string, Uint8Array> {
  return new Map(
    asked.flatMap((path, position) => {
      const [there, text = ''] = (sections.get(`content ${position}`) ?? 'missing').split('\n');
      return there === '' && sections.get(`content ${position}`) !== ''
        ? [[path, Buffer.from(text, 'base64')] as const]
        : [];
    }),
  );
}

function typeOf(description: string): ObservedPath['type'] {
  if (description.startsWith('regular')) return 'file';
  if (description === 'directory') return 'directory';
  return description === 'symbolic link' ? 'link' : 'other';
}

/** `systemctl show` refuses template units, and with them all that are named after them. */
function isTemplate(unit: string): boolean {
  return unit.includes('@.');
}

/**
 * `systemctl show` prints one block per asked unit, in the asked order, with an empty line between.
 *
 * @throws RangeError if blocks are missing: the others could not be told apart
 */
function parseUnits(asked: readonly string[], output: string): Map<string, ObservedUnit> {
  const blocks = output.trim() === '' ? [] : output.trim().split('\n\n');
  if (asked.length === 0) return new Map();
  if (blocks.length !== asked.length || !blocks.every((block) => /^LoadState=/m.test(block))) {
    const said = lines(output).filter((line) => !/^[A-Za-z]+=/.test(line));
    throw new RangeError(`systemctl does not show the units ${asked.join(', ')}: ${said.join('; ') || 'no answer'}`);
  }
  return new Map(
    asked.map((name, position) => {
      const value = new Map(
        lines(blocks[position] ?? '').map((line) => [
          line.slice(0, line.indexOf('=')),
          line.slice(line.indexOf('=') + 1),
        ]),
      );
      return [
        name,
        {
          load: value.get('LoadState') ?? '',
          active: value.get('ActiveState') ?? '',
          sub: value.get('SubState') ?? '',
          fileState: value.get('UnitFileState') ?? '',
          fragment: value.get('FragmentPath') ?? '',
          type: value.get('Type') ?? '',
          restarts: Number(value.get('NRestarts') ?? 0),
        },
      ];
    }),
  );
}

/** Enabling Debian's etcd.service makes etcd2.service another name of it: no unit of its own. */
function withoutAlias(entries: readonly (readonly [string, ObservedUnit])[]): Map<string, ObservedUnit> {
  const units = new Map(entries);
  if (units.get(ETCD_UNIT)?.fragment.endsWith(`/${DEFAULT_UNIT}`)) units.set(ETCD_UNIT, NO_UNIT);
  return units;
}

/** A template has a unit file and its state, and never runs. */
function parseTemplates(
  asked: readonly string[],
  sections: ReadonlyMap<string, string>,
): readonly (readonly [string, ObservedUnit])[] {
  return asked.map((name) => {
    const state = (sections.get(`template ${name}`) ?? '').trim();
    const missing = state === '' || state === 'not-found';
    const load = missing ? 'not-found' : state.startsWith('masked') ? 'masked' : 'loaded';
    const fileState = missing ? '' : state;
    return [name, { load, active: 'inactive', sub: 'dead', fileState, fragment: '', type: '', restarts: 0 }];
  });
}

function parseUsers(asked: readonly string[], sections: ReadonlyMap<string, string>): Map<string, ObservedUser> {
  const users = new Map<string, ObservedUser>();
  for (const name of asked) {
    const [passwd = '', shadow = '', ...keys] = (sections.get(`user ${name}`) ?? '').split('\n');
    if (passwd === '') continue;
    users.set(name, {
      home: passwd.split(':')[5] ?? '',
      passwordHash: shadow.split(':')[1] ?? '',
      authorizedKeys: keys.filter((key) => key !== ''),
    });
  }
  return users;
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}
