import type { HostNetwork } from '../cluster/addresses.js';
import type { HostState } from '../cluster/host-state.js';
import type { Member } from '../cluster/types.js';
import type { PortAnswer } from '../phases/reach-port.js';

/** What a host says of itself, from one script that is run as root. */
export interface HostFacts {
  readonly hostname: string;
  readonly machineId: string;
  readonly bootId: string;
  /** Whether its own name leads to an address there: sudo asks for it. */
  readonly knowsItself: boolean;
  readonly systemd: boolean;
  readonly network: HostNetwork | undefined;
  /** Undefined where the host has no `ss`. */
  readonly listeners: readonly Listening[] | undefined;
  /** What systemd shows of units, by name. */
  readonly units: ReadonlyMap<string, UnitState>;
  readonly failedUnits: readonly string[];
  /** Of the file system that has etcd's data, or will have it; undefined where df does not tell. */
  readonly disk: DiskSpace | undefined;
  /** Who holds the lock of this host, or still makes a step there; '' where nobody does. */
  readonly lock: string;
  /** The quota that the running etcd has been given, in bytes. */
  readonly quota: number | undefined;
  /** Names that etcd's settings mention and this host does not resolve. */
  readonly unresolved: readonly string[];
  readonly files: readonly SeenFile[];
}

export interface Listening {
  readonly address: string;
  readonly port: number;
  /** The process, where root may see it: `nc` and its id. */
  readonly process: { readonly name: string; readonly pid: number } | undefined;
}

export interface UnitState {
  readonly load: string;
  readonly active: string;
  readonly result: string;
  readonly mainPid: number;
  readonly restarts: number;
}

export interface DiskSpace {
  readonly mount: string;
  /** Bytes that are free for everybody. */
  readonly free: number;
  readonly freeInodes: number | undefined;
}

/** A certificate or key file that etcd's or fleet's settings name. */
export interface SeenFile {
  readonly path: string;
  readonly there: boolean;
  readonly mode: number;
  /** Only of certificates: keys are never read. */
  readonly text?: string;
}

/** How far a host's clock is before this machine's, in milliseconds, give or take `bound`. */
export interface ClockOffset {
  readonly offset: number;
  readonly bound: number;
}

/** How long single synchronous writes took. */
export interface SyncFigures {
  readonly writes: number;
  /** The 99th percentile, in milliseconds. */
  readonly p99: number;
}

/** Everything that was learned of one host; what could not be learned is absent, and told in `troubles`. */
export interface HostView {
  readonly name: string;
  readonly member: Member;
  /** Absent where the user-data cannot be rendered. */
  readonly desired?: HostState;
  readonly reached: boolean;
  /** Milliseconds of a command's way there and back. */
  readonly roundTrip?: number;
  readonly clock?: ClockOffset;
  readonly facts?: HostFacts;
  readonly sync?: SyncFigures;
  /** What the ports of other members are from here. */
  readonly ports: readonly TriedPort[];
  readonly troubles: readonly { readonly check: string; readonly what: string; readonly advice: string }[];
}

export interface TriedPort {
  readonly to: string;
  readonly address: string;
  readonly port: number;
  readonly answer: PortAnswer;
}
