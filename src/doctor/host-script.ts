import { ETCD_UNIT } from '../etcd/service.js';
import { NETWORK_COMMANDS, parseNetwork } from '../plan/host-network.js';
import { ASK_SCRIPT } from '../plan/lock-script.js';
import { sh } from '../util/shell.js';
import { LOOKED_AT_UNITS, type EtcdWish } from './etcd-wish.js';
import type { DiskSpace, HostFacts, Listening, SeenFile, UnitState } from './host-view.js';

const UNIT_PROPERTIES = 'Id,LoadState,ActiveState,Result,MainPID,NRestarts';
/** Bytes of a certificate file that are read: a bundle of authorities may be long. */
const MOST = 1024 * 1024;

/** Goes up from a directory to the nearest that is there: a member that was never started has no data directory yet. */
const NEAREST = 'while [ ! -d "$d" ]; do d=$(dirname -- "$d"); done';

/** A script for root that says how the host is, and changes nothing. */
export function factsScript(wish: EtcdWish): string {
  return [
    'LC_ALL=C; export LC_ALL',
    `mark() { printf '\\036%s\\n' "$1"; }`,
    'mark host',
    'cat /proc/sys/kernel/hostname; head -n 1 /etc/machine-id 2>/dev/null || echo; cat /proc/sys/kernel/random/boot_id',
    '[ -d /run/systemd/system ] && echo systemd || echo other',
    'timeout 3 getent hosts "$(cat /proc/sys/kernel/hostname)" >/dev/null && echo known || echo unknown',
    'mark network',
    ...NETWORK_COMMANDS,
    'mark listeners',
    'ss -Htlnp 2>/dev/null || echo none',
    'mark units',
    sh`systemctl show --property=${UNIT_PROPERTIES} -- ${LOOKED_AT_UNITS} 2>/dev/null`,
    'mark failed',
    'systemctl list-units --failed --plain --no-legend --no-pager 2>/dev/null',
    'mark disk',
    sh`d=${wish.dataDirectory}`,
    NEAREST,
    'df -P -B1 -- "$d" 2>/dev/null | tail -n 1; df -P -i -- "$d" 2>/dev/null | tail -n 1',
    'mark lock',
    `(${ASK_SCRIPT}) 2>/dev/null`,
    'mark quota',
    sh`p=$(systemctl show --property=MainPID --value -- ${ETCD_UNIT} 2>/dev/null)`,
    `tr '\\0' '\\n' <"/proc/$p/environ" 2>/dev/null | grep '^ETCD_QUOTA_BACKEND_BYTES='`,
    'mark unresolved',
    ...wish.names.map((name) => sh`timeout 3 getent ahosts ${name} >/dev/null || echo ${name}`),
    ...wish.certificates.flatMap((path) => [
      sh`mark ${`certificate ${path}`}; stat -L -c %a -- ${path} 2>/dev/null && head -c ${MOST} -- ${path} | tr -d ${'\\036'}`,
    ]),
    // Whoever may read a key is of interest; what is in it is not.
    ...wish.keys.map((path) => sh`mark ${`key ${path}`}; stat -L -c %a -- ${path} 2>/dev/null`),
    'mark end',
    'exit 0',
    '',
  ].join('\n');
}

/**
 * @param output what the script printed
 * @throws RangeError if it is not whole
 */
export function parseFacts(output: string): HostFacts {
  const sections = new Map(
    output
      .split('\x1e')
      .slice(1)
      .map((section) => {
        const end = section.indexOf('\n');
        return [section.slice(0, end), section.slice(end + 1)] as const;
      }),
  );
  if (!sections.has('end')) throw new RangeError('what the host says of itself is not whole');
  const section = (name: string): string => sections.get(name) ?? '';
  const [hostname = '', machineId = '', bootId = '', init = '', itself = ''] = section('host').split('\n');
  return {
    hostname,
    machineId,
    bootId,
    systemd: init === 'systemd',
    knowsItself: itself === 'known',
    network: parseNetwork(section('network')),
    listeners: section('listeners').trim() === 'none' ? undefined : lines(section('listeners')).flatMap(listening),
    units: new Map(section('units').trim().split('\n\n').map(unitState)),
    failedUnits: lines(section('failed')).map((line) => line.split(' ')[0] ?? ''),
    disk: diskSpace(lines(section('disk'))),
    lock: section('lock').trim(),
    quota: quotaOf(section('quota')),
    unresolved: lines(section('unresolved')),
    files: [...sections].flatMap(([name, text]) => seenFile(name, text)),
  };
}

/** One line of ss(8) with -Htlnp: state, queues, local and peer address, and who has the socket. */
function listening(line: string): readonly Listening[] {
  const [, , , local = '', , users = ''] = line.split(/\s+/);
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(local) ?? [];
  if (port === '') return [];
  const [, name, pid] = /\(\("([^"]*)",pid=(\d+)/.exec(users) ?? [];
  const address = host.replace(/%.*$/, '').replace(/^\[|\]$/g, '');
  const process = name === undefined ? undefined : { name, pid: Number(pid) };
  return [{ address: address === '*' ? '::' : address, port: Number(port), process }];
}

function unitState(block: string): readonly [string, UnitState] {
  const value = new Map(
    lines(block).map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  return [
    value.get('Id') ?? '',
    {
      load: value.get('LoadState') ?? '',
      active: value.get('ActiveState') ?? '',
      result: value.get('Result') ?? '',
      mainPid: Number(value.get('MainPID') ?? 0),
      restarts: Number(value.get('NRestarts') ?? 0),
    },
  ];
}

/** Two lines of df(1): bytes, and inodes, which some file systems do not count. */
function diskSpace([bytes = '', inodes = '']: readonly string[]): DiskSpace | undefined {
  const [, , , free = '', , mount = ''] = bytes.split(/\s+/);
  if (!/^\d+$/.test(free)) return undefined;
  const [, total = '', , left = ''] = inodes.split(/\s+/);
  return { mount, free: Number(free), freeInodes: Number(total) > 0 ? Number(left) : undefined };
}

function quotaOf(text: string): number | undefined {
  const value = Number(/=(\d+)/.exec(text)?.[1]);
  return value > 0 ? value : undefined;
}

function seenFile(name: string, text: string): readonly SeenFile[] {
  const [kind, ...rest] = name.split(' ');
  if (kind !== 'certificate' && kind !== 'key') return [];
  const end = text.indexOf('\n');
  const mode = Number.parseInt(text.slice(0, end), 8);
  const file = { path: rest.join(' '), there: !Number.isNaN(mode), mode: Number.isNaN(mode) ? 0 : mode };
  return [kind === 'key' ? file : { ...file, text: text.slice(end + 1) }];
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}
