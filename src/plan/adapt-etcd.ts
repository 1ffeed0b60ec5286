import type { HostFile, HostState, Origin } from '../cluster/host-state.js';
import { ETCD_DATA_DIR, ETCD_UNIT, ETCD_USER, etcdServiceUnit } from '../etcd/service.js';
import { isSupported, parseEtcdVersion, type EtcdVersion } from '../etcd/version.js';
import type { HostEtcd, Observation } from './observation.js';
import { programFile, programPath, programPaths, programRefusal, type HostProgram, type Refusal } from './program.js';

const UNIT_PATH = `/etc/systemd/system/${ETCD_UNIT}`;
const OWN: Origin = { key: 'coreup' };
const SOURCE: Origin = { key: 'etcd.source' };
/** The packages of Debian and Ubuntu, and where they put etcd. */
const PACKAGES = ['etcd-server', 'etcd-client'];
const PACKAGED = '/usr/bin/etcd';

/** Where the etcd of a host is to come from: `etcd.source` of config.ts. */
export type EtcdWish =
  | { readonly kind: 'system' | 'package' }
  | {
      readonly kind: 'programs';
      readonly programs: { readonly etcd: HostProgram; readonly etcdctl: HostProgram };
      /** What it says of itself; absent until some host has run it. */
      readonly version?: EtcdVersion | undefined;
    };

/** The etcd that a host is to run. */
export interface ChosenEtcd extends HostEtcd {
  readonly origin: 'host' | 'package' | 'programs';
}

/** Paths that are looked at because of the wish. */
export function etcdPaths(wish: EtcdWish | undefined): readonly string[] {
  return wish?.kind === 'programs' ? programPaths(wish.programs) : [];
}

/** True where the host has an etcd2.service that is not coreup's, as CoreOS has. */
export function bringsEtcdService(host: Observation): boolean {
  const fragment = host.units.get(ETCD_UNIT)?.fragment ?? '';
  return fragment !== '' && fragment !== UNIT_PATH;
}

/**
 * The etcd that runs on this host once the steps are done, as far as that is known.
 *
 * @returns undefined where there is none, and none is brought
 */
export function chosenEtcd(wish: EtcdWish | undefined, host: Observation): ChosenEtcd | undefined {
  const own = ownEtcd(host);
  if (wish?.kind === 'programs' && !bringsEtcdService(host)) {
    return { origin: 'programs', path: programPath('etcd'), version: wish.version };
  }
  if (own) return { origin: 'host', ...own };
  if (wish?.kind !== 'package' || host.apt === undefined) return undefined;
  return { origin: 'package', path: PACKAGED, version: packagedVersion(host) };
}

/** What an earlier etcd.source has brought is not the host's own. */
function ownEtcd({ etcd, hiddenEtcd, manifest }: Observation): HostEtcd | undefined {
  return etcd !== undefined && manifest?.files[etcd.path] !== undefined ? hiddenEtcd : etcd;
}

/** The etcd of Debian's releases, for hosts whose package lists are empty before the first `apt-get update`. */
const RELEASES: Readonly<Record<string, string>> = { 'debian 12': '3.4.23', 'debian 13': '3.5.16' };

function packagedVersion({ apt, os }: Observation): EtcdVersion | undefined {
  return parseEtcdVersion((apt?.candidate ?? '').replace(/^\d+:/, '').replace(/[-+~].*$/, '')) ?? release();

  function release(): EtcdVersion | undefined {
    return parseEtcdVersion(RELEASES[`${os.id} ${os.version}`] ?? '');
  }
}

/**
 * Completes a desired state by the etcd of the host, its unit, its user and its directories. Pure.
 *
 * @param dataDirs where this state's etcd keeps its data
 */
export function addEtcd(
  state: HostState,
  host: Observation,
  wish: EtcdWish | undefined,
  dataDirs: readonly string[],
): HostState {
  const etcd = chosenEtcd(wish, host);
  if (etcd === undefined || bringsEtcdService(host)) return state;
  const brought = wish?.kind === 'programs' ? wish.programs : undefined;
  const packages = etcd.origin === 'package' ? { packages: [{ names: PACKAGES, provides: etcd, origin: SOURCE }] } : {};
  const programs = brought ? Object.entries(brought).map(([name, program]) => programFile(name, program, SOURCE)) : [];
  const given = new Set(state.files.map(({ path }) => path));
  const files = programs.filter(({ path }) => !given.has(path));
  if (given.has(UNIT_PATH) || !etcd.version) return { ...state, ...packages, files: [...files, ...state.files] };
  const unit: HostFile = {
    path: UNIT_PATH,
    mode: 0o644,
    owner: null,
    content: Buffer.from(etcdServiceUnit(etcd.path, etcd.version, brought?.etcd.sha256)),
    origin: OWN,
  };
  const hasUser = state.users.some((user) => user.name === ETCD_USER);
  return {
    ...state,
    ...packages,
    users: hasUser ? state.users : [...state.users, ETCD_ACCOUNT],
    directories: [
      ...state.directories,
      ...dataDirs.map((directory) => ({
        path: directory,
        mode: 0o700,
        owner: `${ETCD_USER}:${ETCD_USER}`,
        origin: OWN,
      })),
    ],
    files: [...files, unit, ...state.files],
  };
}

const ETCD_ACCOUNT = {
  name: ETCD_USER,
  homeDir: ETCD_DATA_DIR,
  noCreateHome: true,
  groups: [],
  noUserGroup: false,
  system: true,
  noLogInit: false,
  shell: '/usr/sbin/nologin',
  origin: OWN,
};

/** Why etcd cannot run on this host as it is wished; one sentence with a hint, or undefined. */
export function etcdRefusal(wish: EtcdWish | undefined, host: Observation): Refusal | undefined {
  if (bringsEtcdService(host)) return undefined;
  const etcd = chosenEtcd(wish, host);
  if (!etcd) {
    return wish?.kind === 'package'
      ? { message: "has no etcd and no apt-get, and etcd.source is 'package'", hint: OTHER_SOURCE }
      : { message: 'has no etcd, and etcd.source does not say where to get one', hint: `${SOURCES}${OTHER_SOURCE}` };
  }
  const unfit =
    wish?.kind === 'programs' ? programRefusal(wish.programs, host, { key: 'etcd.source', what: 'etcd' }) : undefined;
  if (unfit) return unfit;
  if (!etcd.version && etcd.origin === 'package') {
    return {
      message: 'does not know which etcd its distribution has',
      hint: `Run \`apt-get update\` there, then coreup again. ${OTHER_SOURCE}`,
    };
  }
  if (!etcd.version || !isSupported(etcd.version)) {
    const said = etcd.version?.text ?? 'unreadable version';
    return {
      message: `${VERBS[etcd.origin]} an etcd that coreup does not know how to verify (${said})`,
      hint: `etcd 3.4 and later are supported. ${OTHER_SOURCE}`,
    };
  }
  return upgradeRefusal(host, etcd.version);
}

const VERBS = { host: 'has', package: 'would get', programs: 'would get' };
const SOURCES = "With etcd.source: 'package' in config.ts, apt installs the distribution's own. ";
const OTHER_SOURCE = 'etcd.source may also be a directory, a .tar.gz, or a URL with its sha256.';

/** etcd goes from one minor version to the next, and never back (etcd documentation, "Upgrading etcd"). */
function upgradeRefusal({ etcd: before, data }: Observation, after: EtcdVersion): Refusal | undefined {
  const from = before?.version;
  if (from === undefined || data.length === 0 || from.major !== after.major) return undefined;
  if (after.minor < from.minor) {
    return {
      message: `has data of etcd ${from.text}, which etcd ${after.text} cannot read`,
      hint: `Set etcd.source to an etcd ${from.major}.${from.minor} or later.`,
    };
  }
  if (after.minor <= from.minor + 1) return undefined;
  return {
    message: `has data of etcd ${from.text}, and etcd ${after.text} is more than one minor version later`,
    hint: `Go to etcd ${from.major}.${from.minor + 1} first: etcd supports no longer leaps.`,
  };
}
