import type { EtcdVersion } from '../etcd/version.js';
import type { HostNetwork } from '../cluster/addresses.js';
import type { Manifest } from './manifest.js';

/** What coreup looks at on a host before it decides anything. */
export interface Question {
  /** Absolute paths of files and directories. */
  readonly paths: readonly string[];
  /** Files whose content is wanted, not only its digest. */
  readonly contents: readonly string[];
  readonly units: readonly string[];
  readonly users: readonly string[];
  /** Directories in which etcd may keep data. */
  readonly dataDirs: readonly string[];
  /** Whether to ask apt which etcd it would install. */
  readonly apt?: boolean;
}

export interface ObservedPath {
  readonly type: 'file' | 'directory' | 'link' | 'other';
  /** Permission bits. */
  readonly mode: number;
  readonly user: string;
  readonly group: string;
  readonly uid: number;
  readonly gid: number;
  /** sha256 in hex; of regular files only. */
  readonly sha256?: string;
}

/** systemd's view of a unit (systemctl(1) `show`, org.freedesktop.systemd1(5)). */
export interface ObservedUnit {
  readonly load: string;
  readonly active: string;
  readonly sub: string;
  /** `enabled`, `disabled`, `static`, `masked`, …; empty where there is no unit file. */
  readonly fileState: string;
  /** Path of the unit file, empty where there is none. */
  readonly fragment: string;
  /** `notify`, `oneshot`, …; empty for what is no service. */
  readonly type: string;
  /** Times systemd has restarted it by itself. */
  readonly restarts: number;
}

/** What systemd says of a unit that is not there. */
export const NO_UNIT: ObservedUnit = {
  load: 'not-found',
  active: 'inactive',
  sub: 'dead',
  fileState: '',
  fragment: '',
  type: '',
  restarts: 0,
};

export interface ObservedUser {
  readonly home: string;
  /** As in shadow(5). */
  readonly passwordHash: string;
  readonly authorizedKeys: readonly string[];
}

/** An etcd on a host. */
export interface HostEtcd {
  readonly path: string;
  readonly version: EtcdVersion | undefined;
}

/** What is there on one host. */
export interface Observation {
  readonly hostname: string;
  readonly os: { readonly id: string; readonly version: string };
  readonly machineId: string;
  /** Its IPv4 addresses; undefined where the host has no program to tell. */
  readonly network?: HostNetwork | undefined;
  /** Programs that coreup needs there and the host lacks. */
  readonly lacks?: readonly string[];
  /** As `uname -m` says it, such as `x86_64`. */
  readonly machine: string;
  /** Another one after each boot, and after each lock that a run of coreup has taken there. */
  readonly generation: string;
  /** False on a host whose init is not systemd. */
  readonly systemd: boolean;
  /** The etcd that a shell finds first, where there is one. */
  readonly etcd: HostEtcd | undefined;
  /** The distribution's, where another one is found before it. */
  readonly hiddenEtcd?: HostEtcd | undefined;
  /** Absent where there is no apt, or it was not asked. `candidate`: the version of etcd-server; empty where apt knows none. */
  readonly apt?: { readonly candidate: string } | undefined;
  /** Path of the host's fleetd, where it has one. */
  readonly fleetd: string | undefined;
  readonly paths: ReadonlyMap<string, ObservedPath>;
  /** Content of those of the asked files that are there. */
  readonly contents: ReadonlyMap<string, Uint8Array>;
  readonly units: ReadonlyMap<string, ObservedUnit>;
  /** Paths of the drop-ins of those units, as far as a distribution did not bring them. */
  readonly dropIns: readonly string[];
  readonly users: ReadonlyMap<string, ObservedUser>;
  /** Those of the asked data directories that hold etcd data. */
  readonly data: readonly string[];
  readonly manifest: Manifest | undefined;
}
