import type { HostState } from '../cluster/host-state.js';
import type { Cluster, Member } from '../cluster/types.js';
import type { EtcdClient } from '../etcd/client.js';
import type { ExpectedMember } from '../etcd/verify.js';
import type { Observation, Question } from '../plan/observation.js';
import type { HostPlan } from '../plan/step.js';
import type { Provider } from '../providers/port.js';
import type { Connection, Ssh } from '../ssh/port.js';
import type { StateDirectory } from '../state/state.js';
import type { RunBase } from './runner.js';

/** Everything about one member during a run; filled in from phase to phase. */
export class HostRun {
  /** What user-data means on a host that keeps it under /etc. */
  readonly desired: HostState;
  readonly digest: string;
  readonly member: Member;
  #connection: Connection | undefined;
  #observation: Observation | undefined;
  #plan: HostPlan | undefined;

  constructor(init: { member: Member; desired: HostState; digest: string; readonly question: Question }) {
    this.member = init.member;
    this.desired = init.desired;
    this.digest = init.digest;
    this.question = init.question;
  }

  readonly question: Question;
  /** Steps made on this host so far, without those that only keep the books. */
  changes = 0;

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

/** What the phases that bring a cluster up share. */
export interface UpRun extends RunBase {
  readonly cluster: Cluster;
  readonly provider: Provider;
  readonly ssh: Ssh;
  readonly state: StateDirectory;
  readonly hosts: readonly HostRun[];
  /** Milliseconds in which a host must be reached. */
  readonly connectDeadline: number;
  /** Shorter in tests. */
  readonly patience?: Patience;
}

function present<T>(value: T | undefined, what: string, member: string): T {
  if (value === undefined) throw new Error(`${what} of ${member} is used before its phase has run`);
  return value;
}
