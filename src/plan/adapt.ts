import type { HostState, Origin } from '../cluster/host-state.js';
import { DEFAULT_UNIT, ETCD_DATA_DIR, ETCD_UNIT } from '../etcd/service.js';
import { addEtcd, type EtcdWish } from './adapt-etcd.js';
import { addFleet, FLEET_UNITS, type FleetWish } from './adapt-fleet.js';
import { assignments } from './environment.js';
import type { Observation } from './observation.js';
import { NETWORKD } from './persist.js';
import { textOf } from '../util/bytes.js';

const ETC_UNITS = '/etc/systemd/system/';
const CORE_USER = 'core';
export const BOOT_UNIT = 'coreup-boot.service';
const OWN: Origin = { key: 'coreup' };

/** Units that `adapt` may add; they are looked at on every host. */
export const ADDED_UNITS: readonly string[] = [ETCD_UNIT, BOOT_UNIT, DEFAULT_UNIT, ...FLEET_UNITS, NETWORKD];
export const ADDED_PATHS: readonly string[] = [ETC_UNITS + ETCD_UNIT, ETC_UNITS + BOOT_UNIT];

export interface Adapted {
  readonly state: HostState;
  /** What a person should know about this host, one sentence each. */
  readonly notices: readonly string[];
}

/**
 * Completes a (persistent) desired state by what this particular host lacks: an `etcd2.service` that runs its etcd, and that
 * etcd,
 * fleet where it is wished, and a unit that repeats at boot the commands that CoreOS would repeat. Pure.
 */
export function adapt(state: HostState, host: Observation, fleet?: FleetWish, etcd?: EtcdWish): Adapted {
  const possible = leaveOutMissing(addFleet(addCoreUser(state, host), host, fleet), host);
  const withEtcd = wantsEtcd(state) ? addEtcd(possible.state, host, etcd, etcdDirectories(state)) : possible.state;
  return { state: addBootCommands(withEtcd), notices: [...possible.notices, ...networkNotices(state, host)] };
}

/** Whether this state runs etcd: something starts or enables etcd2.service. */
export function wantsEtcd(state: HostState): boolean {
  return (
    state.commands.some((command) => command.unit === ETCD_UNIT && command.verb !== 'stop') ||
    state.units.some((unit) => unit.name === ETCD_UNIT && unit.enable)
  );
}

/** The data directory, and the WAL directory where it is a place of its own. */
export function etcdDirectories(state: HostState): readonly string[] {
  const environment = etcdEnvironment(state);
  const wal = environment.get('ETCD_WAL_DIR');
  return [environment.get('ETCD_DATA_DIR') ?? ETCD_DATA_DIR, ...(wal === undefined ? [] : [wal])];
}

/** The environment that a state's drop-ins give to etcd2.service. */
export function etcdEnvironment(state: HostState): ReadonlyMap<string, string> {
  return unitEnvironment(state, ETCD_UNIT);
}

/** The environment that a state's drop-ins give to a unit. Later drop-ins win, by file name, as in systemd. */
export function unitEnvironment(state: HostState, unit: string): ReadonlyMap<string, string> {
  const dropIns = state.files
    .filter((file) => file.path.includes(`/${unit}.d/`))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  const environment = new Map<string, string>();
  for (const file of dropIns) {
    for (const [, line = ''] of textOf(file.content).matchAll(/^Environment=(.*)$/gm)) {
      // An empty assignment takes all earlier ones back (systemd.exec(5)).
      if (line.trim() === '') environment.clear();
      for (const [name, value] of assignments(line.trim())) environment.set(name, value);
    }
  }
  return environment;
}

/** Daemons of CoreOS that other systems do without; what user-data writes for them is written all the same. */
const COREOS_ONLY: Readonly<Record<string, string>> = {
  'fleet.service': 'fleet',
  'flanneld.service': 'flannel',
  'locksmithd.service': 'locksmith',
  'update-engine.service': 'update engine',
};

/** Leaves out what is to be done with units of CoreOS that this host does not have. */
function leaveOutMissing(state: HostState, host: Observation): Adapted {
  const asked = new Set([...state.commands.map(({ unit }) => unit), ...state.units.map(({ name }) => name)]);
  const missing = Object.keys(COREOS_ONLY).filter((unit) => {
    const given = state.files.some((file) => file.path === ETC_UNITS + unit);
    const there = host.units.get(unit)?.load ?? 'not-found';
    return asked.has(unit) && !given && there !== 'loaded' && there !== 'masked';
  });
  return {
    state: {
      ...state,
      units: state.units.filter(({ name }) => !missing.includes(name)),
      commands: state.commands.filter(({ unit }) => !missing.includes(unit)),
    },
    notices: missing.map((unit) => {
      const verb = state.commands.find((command) => command.unit === unit)?.verb ?? 'configure';
      return (
        `has no ${COREOS_ONLY[unit]}; the user-data wants to ${verb} ${unit}, which is left out ` +
        '(its settings are written)'
      );
    }),
  };
}

/**
 * CoreOS has a user core whom the top-level `ssh_authorized_keys` let in. Where there is none, one is made, as a plain
 * user: who may become root on a host that is not CoreOS is not for coreup to say.
 */
function addCoreUser(state: HostState, host: Observation): HostState {
  const wanted = state.authorizedKeys.some(({ user }) => user === CORE_USER);
  const known = host.users.has(CORE_USER) || state.users.some(({ name }) => name === CORE_USER);
  if (!wanted || known) return state;
  const core = {
    name: CORE_USER,
    gecos: 'CoreOS Admin',
    noCreateHome: false,
    groups: [],
    noUserGroup: false,
    system: false,
    noLogInit: false,
    shell: '/bin/bash',
    origin: OWN,
  };
  return { ...state, users: [core, ...state.users] };
}

/** networkd's files are of no use where it does not run. */
function networkNotices(state: HostState, host: Observation): readonly string[] {
  const files = state.files.filter(({ path }) => path.startsWith('/etc/systemd/network/'));
  if (files.length === 0 || host.units.get(NETWORKD)?.active === 'active') return [];
  return [`does not run ${NETWORKD}; the network files of the user-data are written, and have no effect`];
}

/**
 * CoreOS runs the commands of a cloud-config at every boot. Those of units that are not enabled anyway are repeated by
 * a small unit of coreup's own.
 */
function addBootCommands(state: HostState): HostState {
  const enabled = new Set(state.units.filter((unit) => unit.enable).map((unit) => unit.name));
  const repeated = state.commands.filter(({ verb, unit }) => !(verb === 'start' && enabled.has(unit)));
  if (repeated.length === 0) return state;
  // `\\x2d` in a unit's name must reach systemctl as it is (systemd.service(5), command lines).
  const lines = repeated.map(
    ({ verb, unit }) => `ExecStart=-/bin/systemctl --no-block ${verb} -- ${unit.replaceAll('\\', '\\\\')}`,
  );
  const content = `[Unit]
Description=Commands of the cloud-config, as CoreOS runs them at every boot

[Service]
Type=oneshot
${lines.join('\n')}

[Install]
WantedBy=multi-user.target
`;
  return {
    ...state,
    files: [
      ...state.files,
      { path: ETC_UNITS + BOOT_UNIT, mode: 0o644, owner: null, content: Buffer.from(content), origin: OWN },
    ],
    units: [...state.units, { name: BOOT_UNIT, mask: false, enable: true, runtime: false, origin: OWN }],
  };
}
