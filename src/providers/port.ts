import type { Cluster, Member } from '../cluster/types.js';
import type { Pin } from '../ssh/known-hosts-file.js';
import type { SshTarget } from '../ssh/port.js';

/** Something that is missing or in the way, found before anything is changed. */
export interface Problem {
  /** What is wrong and why it matters, as a sentence. */
  readonly message: string;
  /** The exact command or config line that mends it. */
  readonly remedy: string;
  /** Debian packages that mend it, where coreup may install them. */
  readonly packages?: readonly string[];
  /** Whose fault it is: `input` ends with exit code 2 (the config asks for something impossible), `machine` with 1. */
  readonly blame: 'input' | 'machine';
}

export type HostStatus = 'absent' | 'stopped' | 'running';

export interface Progress {
  /** A short present-tense note such as `building the image`; `member` is absent when it concerns all. */
  (note: string, member?: string): void;
}

/** Where hosts come from. Every method can be called again after a crash at any moment. */
export interface Provider {
  readonly kind: 'local' | 'ssh';
  /** Checks without changing anything; empty means that `ensure` should work. */
  check(cluster: Cluster): Promise<readonly Problem[]>;
  /** Makes what is absent, starts what is stopped. Returns the names of those that it created or started. */
  ensure(cluster: Cluster, progress: Progress, signal?: AbortSignal): Promise<readonly string[]>;
  status(cluster: Cluster): Promise<ReadonlyMap<string, HostStatus>>;
  /** The address or name that a person knows a host by. */
  address(member: Member): string;
  /** How to log in to a member. */
  target(member: Member): SshTarget | Promise<SshTarget>;
  /** Keys of hosts that are known before the first contact. */
  knownHosts(cluster: Cluster): Promise<readonly Pin[]>;
  stop(members: readonly Member[], progress: Progress): Promise<void>;
  /** Ends hosts as a power loss does: nothing on them gets a chance to shut down. */
  cutPower(members: readonly Member[], progress: Progress): Promise<void>;
  reboot(members: readonly Member[], progress: Progress): Promise<void>;
  /**
   * Removes hosts, by name since config.ts may no longer have them, and everything that was made for them. Removing what
   * is not there is no error.
   */
  remove(names: readonly string[], progress: Progress): Promise<void>;
  /** Throws if an address of these members would lead to somebody else's host. */
  assertReachable(members: readonly Member[]): Promise<void>;
  /** Names of the hosts that were made for this cluster, also those that config.ts no longer has. */
  existing(): Promise<readonly string[]>;
}
