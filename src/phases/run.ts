import type { SecureContext } from 'node:tls';
import type { HostState } from '../cluster/host-state.js';
import type { Cluster, Member } from '../cluster/types.js';
import type { EtcdClient } from '../etcd/client.js';
import type { EtcdVersion } from '../etcd/version.js';
import type { ExpectedMember } from '../etcd/verify.js';
import type { ServiceUnit } from '../fleet/services.js';
import { chosenEtcd, type ChosenEtcd, type EtcdWish } from '../plan/adapt-etcd.js';
import type { FleetWish } from '../plan/adapt-fleet.js';
import type { Observation, Question } from '../plan/observation.js';
import type { RollOut } from '../plan/quorum.js';
import type { HostPlan } from '../plan/step.js';
import type { Provider } from '../providers/port.js';
import type { Connection, Ssh } from '../ssh/port.js';
import type { StateDirectory } from '../state/state.js';
import type { HostLocks } from './host-lock.js';
import type { RunBase } from './runner.js';

/** How long to wait for a service, in milliseconds. */
export interface ServicePatience {
  /** Until fleet and the agent have done their part. */
  readonly act: number;
  /** Until systemd has: a start may begin with a large download. */
  readonly start: number;
  /** For which a unit that was just started must stay up: what dies at once is reported as running first. */
  readonly steady: number;
  readonly poll: number;
}

/** What a host is to become. */
export interface HostGoal {
  /** What user-data means on a host that keeps it under /etc. */
  readonly desired: HostState;
  /** sha256 (hex) of the user-data. */
  readonly digest: string;
  /** What must be known of the host first. */
  readonly question: Question;
  /** Absent where fleet is no concern of the host. */
  readonly fleet?: FleetWish | undefined;
  /** Absent where etcd.source is no concern of the run. */
  readonly etcd?: EtcdWish | undefined;
  /** How coreup itself speaks to its etcd. */
  readonly access?: EtcdAccess | undefined;
}

/** What coreup needs to speak to etcd over TLS. */
export interface EtcdAccess {
  /** Throws where there are no certificates yet. */
  readonly context: () => SecureContext;
  /** Whether a member may speak plain http just as well: the cluster changes from one to the other. */
  readonly either: boolean;
}

/** Everything about one member during a run; filled in from phase to phase. */
export class HostRun {
  readonly member: Member;
  #goal: HostGoal;
  #connection: Connection | undefined;
  #observation: Observation | undefined;
  #plan: HostPlan | undefined;

  constructor({ member, ...goal }: HostGoal & { readonly member: Member }) {
    this.member = member;
    this.#goal = goal;
  }

  /** What the host will look like once it is made: one that is not there yet is not looked at, but planned for. */
  fresh: Observation | undefined;
  /** Whether the steps of the first stage have been made in this run. */
  applied = false;
  /** Steps made on this host so far, without those that only keep the books. */
  changes = 0;

  /** Sets another goal: what was seen of the host changes what it must become. It has to be looked at again. */
  become(goal: HostGoal): void {
    this.#goal = goal;
    this.#observation = undefined;
    this.#plan = undefined;
    this.applied = false;
  }

  /** Sets what the etcd of etcd.source is, which some host has told; what was seen of this one stays. */
  learn(version: EtcdVersion): void {
    const { etcd } = this.#goal;
    if (etcd?.kind === 'programs') this.#goal = { ...this.#goal, etcd: { ...etcd, version } };
  }

  get desired(): HostState {
    return this.#goal.desired;
  }
  get digest(): string {
    return this.#goal.digest;
  }
  get question(): Question {
    return this.#goal.question;
  }
  get access(): EtcdAccess | undefined {
    return this.#goal.access;
  }
  get fleet(): FleetWish | undefined {
    return this.#goal.fleet;
  }

  get etcd(): EtcdWish | undefined {
    return this.#goal.etcd;
  }
  /** The etcd that the host is to run; undefined where there is none. */
  get chosenEtcd(): ChosenEtcd | undefined {
    return chosenEtcd(this.#goal.etcd, this.observation);
  }

  get name(): string {
    return this.member.name;
  }

  get connection(): Connection {
    return present(this.#connection, 'connection', this.name);
  }
  set connection(value: Connection) {
    this.#connection = value;
  }

  get observation(): Observation {
    return present(this.#observation, 'observation', this.name);
  }
  set observation(value: Observation) {
    this.#observation = value;
  }

  /** Whether the host has been looked at. */
  get observed(): boolean {
    return this.#observation !== undefined;
  }

  /** Whether the run has come as far as a plan for this host. */
  get planned(): boolean {
    return this.#plan !== undefined;
  }

  get plan(): HostPlan {
    return present(this.#plan, 'plan', this.name);
  }
  set plan(value: HostPlan) {
    this.#plan = value;
  }
}

/** An etcd member during a run. */
export interface EtcdHost {
  readonly host: HostRun;
  readonly name: string;
  readonly client: EtcdClient;
  readonly expected: ExpectedMember;
}

/** How long to wait for etcd, in milliseconds. */
export interface Patience {
  /** Until a member must be ready. */
  readonly ready: number;
  /** Until members that are ready must agree: the last ones to join have just made themselves known. */
  readonly agree: number;
  /** Between two questions to etcd: the first pause, and the longest. */
  readonly poll: readonly [first: number, most: number];
  /** Between two looks at the unit; less often than etcd, since each costs the host a process. */
  readonly unitPoll: number;
}

/** The services of config.ts during a run. */
export class ServiceRun {
  /** Changes made to what fleet knows so far. */
  changes = 0;

  constructor(readonly wanted: readonly ServiceUnit[]) {}
}

/** What the phases that bring a cluster up share. */
export interface UpRun extends RunBase {
  readonly cluster: Cluster;
  readonly provider: Provider;
  readonly ssh: Ssh;
  readonly state: StateDirectory;
  readonly hosts: readonly HostRun[];
  /** Hosts that are shut down, where nobody starts them: all that is known of them is that they will be there. */
  readonly asleep?: readonly HostRun[];
  /** Whether things on hosts that are somebody else's are taken over. */
  readonly adopt?: boolean;
  /** Milliseconds in which a host must be reached. */
  readonly connectDeadline: number;
  readonly services: ServiceRun;
  /** Taken before the first change on a host. */
  readonly locks: HostLocks;
  /** Shorter in tests. */
  readonly patience?: Patience;
  readonly servicePatience?: ServicePatience;
  /** What the discovery mode needs while members first start. */
  readonly rendezvous?: Rendezvous;
  /** Whether this run founds the cluster: it has never been whole. Known once the guard has looked. */
  founding: boolean;
  /** Whether etcd is to speak TLS with coreup's certificates. */
  readonly tls: boolean;
  /** Whether that is about to change: what is verified meanwhile is not the end. */
  readonly changing?: true;
  /** The order of restarts; known where a member that works is to restart. */
  rollOut?: RollOut;
}

/** What a discovery mode does around the first start of the members; never used again once the cluster is there. */
export interface Rendezvous {
  /** Said while it is opened. */
  readonly title: string;
  /** Before any member is started: makes ready what they will ask. May be called again after an interrupted run. */
  open(run: UpRun): Promise<void>;
  /** In every case at the end, also where `open` failed. */
  close(): Promise<void>;
}

function present<T>(value: T | undefined, what: string, member: string): T {
  if (value === undefined) throw new Error(`${what} of ${member} is used before its phase has run`);
  return value;
}
