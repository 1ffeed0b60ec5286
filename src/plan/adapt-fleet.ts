import type { HostFile, HostState, HostUnit, Origin, UnitCommand } from '../cluster/host-state.js';
import { fleetDefaults, fleetServiceUnit, fleetSocketUnit, FLEET_SOCKET_UNIT, FLEET_UNIT } from '../fleet/service.js';
import type { Observation } from './observation.js';
import { programFile, programPath, programPaths, programRefusal, type HostProgram, type Refusal } from './program.js';

const ETC_UNITS = '/etc/systemd/system/';
const OWN: Origin = { key: 'fleet' };

/** What config.ts and the cluster mean for fleet on one host. */
export interface FleetWish {
  /** `auto`: wherever there is a fleetd, or one is brought. */
  readonly enabled: 'auto' | true;
  /** Programs that coreup brings; absent: only what the hosts have. */
  readonly programs?: { readonly fleetd: HostProgram; readonly fleetctl: HostProgram };
  /** Client URLs of etcd, the host's own first. */
  readonly etcdServers: readonly string[];
  readonly publicIp: string;
  /** The user that coreup logs in as. */
  readonly socketUser: string;
  /** Digest of the host's certificates, where etcd wants one to be shown. */
  readonly certificates?: string | undefined;
}

/** Units and paths that are looked at wherever fleet may run. */
export const FLEET_UNITS: readonly string[] = [FLEET_UNIT, FLEET_SOCKET_UNIT];

export function fleetPaths({ programs }: FleetWish): readonly string[] {
  return [ETC_UNITS + FLEET_UNIT, ETC_UNITS + FLEET_SOCKET_UNIT, DEFAULTS, ...programPaths(programs ?? {})];
}

const DEFAULTS = `${ETC_UNITS}${FLEET_UNIT}.d/10-coreup.conf`;

/** Where the fleetd of a host comes from, or `none`. */
export type FleetOrigin = 'distribution' | 'host' | 'brought' | 'none';

/** A fleet.service that coreup did not make, the distribution's as on CoreOS or somebody's own, is left as it is. */
export function fleetOrigin(wish: FleetWish | undefined, host: Observation): FleetOrigin {
  if (wish === undefined) return 'none';
  const unit = host.units.get(FLEET_UNIT);
  const fragment = unit?.load === 'loaded' ? unit.fragment : '';
  if (fragment !== '' && host.manifest?.files[fragment] === undefined) return 'distribution';
  if (wish.programs !== undefined) return 'brought';
  // What an earlier fleet.source has brought is not the host's own.
  return host.fleetd !== undefined && host.manifest?.files[host.fleetd] === undefined ? 'host' : 'none';
}

/** Completes a desired state by what fleet needs on this host: programs, units, settings, and its start. Pure. */
export function addFleet(state: HostState, host: Observation, wish: FleetWish | undefined): HostState {
  const origin = fleetOrigin(wish, host);
  if (wish === undefined || origin === 'none') return state;
  const given = new Set(state.files.map(({ path }) => path));
  const files = [...fleetFiles(wish, host, origin)].filter(({ path }) => !given.has(path));
  const listed = new Set(state.units.map(({ name }) => name));
  const commanded = new Set(state.commands.map(({ unit }) => unit));
  return {
    ...state,
    files: [...state.files, ...files],
    units: [...state.units, ...FLEET_UNITS.filter((name) => !listed.has(name)).map(enabledUnit)],
    commands: [...state.commands, ...STARTS.filter(({ unit }) => !commanded.has(unit))],
  };
}

function* fleetFiles(wish: FleetWish, host: Observation, origin: FleetOrigin): Generator<HostFile> {
  const { programs } = wish;
  if (origin === 'brought' && programs !== undefined) {
    yield programFile('fleetd', programs.fleetd, OWN);
    yield programFile('fleetctl', programs.fleetctl, OWN);
    yield text(ETC_UNITS + FLEET_UNIT, fleetServiceUnit(programPath('fleetd'), programs.fleetd.sha256));
  } else if (origin === 'host' && host.fleetd !== undefined) {
    yield text(ETC_UNITS + FLEET_UNIT, fleetServiceUnit(host.fleetd));
  }
  if (origin !== 'distribution') yield text(ETC_UNITS + FLEET_SOCKET_UNIT, fleetSocketUnit(wish.socketUser));
  yield text(DEFAULTS, fleetDefaults(wish));
}

function text(path: string, content: string): HostFile {
  return { path, mode: 0o644, owner: null, content: Buffer.from(content), origin: OWN };
}

function enabledUnit(name: string): HostUnit {
  return { name, mask: false, enable: true, runtime: false, origin: OWN };
}

/** The socket first: fleetd takes it over when it starts. */
const STARTS: readonly UnitCommand[] = [
  { verb: 'start', unit: FLEET_SOCKET_UNIT, origin: OWN },
  { verb: 'start', unit: FLEET_UNIT, origin: OWN },
];

/** Why fleet cannot run on this host as it is wished; one sentence with a hint, or undefined. */
export function fleetRefusal(wish: FleetWish | undefined, host: Observation): Refusal | undefined {
  if (wish === undefined) return undefined;
  const origin = fleetOrigin(wish, host);
  if (origin === 'none' && wish.enabled === true) {
    return { message: 'has no fleet, and fleet.enabled is true', hint: NO_FLEET_HINT };
  }
  if (origin !== 'brought') return undefined;
  return programRefusal(wish.programs ?? {}, host, { key: 'fleet.source', what: 'fleet' });
}

export const NO_FLEET_HINT =
  'Say with fleet.source in config.ts where fleetd and fleetctl are: a directory, a .tar.gz, or a URL with its sha256.';
