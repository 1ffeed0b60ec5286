import { ETCD_UNIT } from '../etcd/service.js';
import { afterwards } from '../plan/afterwards.js';
import { rollOut, type RollOut } from '../plan/quorum.js';
import { allSteps, commands, restarts } from '../plan/step.js';
import type { Reporter } from '../report/port.js';
import { showSteps, type ShownStep } from './contents.js';
import { etcdHosts } from './etcd-host.js';
import { plan } from './plan.js';
import type { HostGoal, UpRun } from './run.js';

/** One roll through the cluster, as it is expected to go. */
export interface ForeseenRoll {
  readonly title: string;
  readonly quorum: RollOut;
  /** By member. */
  readonly steps: ReadonlyMap<string, readonly ShownStep[]>;
}

export interface RollParts {
  /** The members that it goes to, in this order; absent: all. */
  readonly members?: readonly string[];
  /** `apply`: commands that come after etcd's are left for a later roll. */
  readonly stage?: 'apply';
  /** What is done for a member before its steps, and is none of them. */
  readonly before?: ReadonlyMap<string, readonly ShownStep[]>;
}

/** Plans that follow one another: each is for the hosts as the one before leaves them. Changes nothing. */
export class Foresight {
  readonly rolls: ForeseenRoll[] = [];
  #up: ReadonlySet<string>;

  /**
   * @param run with its hosts looked at and compared
   * @param now what restarts now would mean for the quorum: who is up, and who comes back first
   */
  constructor(
    private readonly run: UpRun,
    now: RollOut,
  ) {
    const { before, mended, lost } = now;
    const voters = etcdHosts(run.hosts).map(({ name }) => name);
    const down = before.up < before.quorum ? voters : [...mended, ...lost];
    this.#up = new Set(voters.filter((name) => !down.includes(name)));
  }

  /** One more roll, after which hosts are taken to be what `goals` say. */
  async roll(title: string, goals: ReadonlyMap<string, HostGoal>, parts: RollParts = {}): Promise<void> {
    const { members = this.run.hosts.map(({ name }) => name), stage, before } = parts;
    const hosts = members.flatMap((name) => this.run.hosts.find((host) => host.name === name) ?? []);
    for (const host of hosts) {
      const { observation } = host;
      const goal = goals.get(host.name);
      if (goal) host.become(goal);
      host.observation = observation;
    }
    await plan.run({ ...this.run, hosts, reporter: QUIET });
    const voters = etcdHosts(this.run.hosts).map(({ name }) => name);
    const order = [...members, ...voters].filter((name, at, all) => voters.includes(name) && all.indexOf(name) === at);
    const quorum = rollOut(
      order.map((name) => {
        const host = hosts.find((other) => other.name === name);
        const up = this.#up.has(name);
        if (!host) return { name, up, restarts: false };
        return { name, up, restarts: up ? restarts(host.plan, ETCD_UNIT) : commands(host.plan, ETCD_UNIT).length > 0 };
      }),
    );
    this.#up = new Set(voters.filter((name) => !quorum.lost.includes(name)));
    const steps = await Promise.all(
      hosts.map(async (host) => {
        const made = stage === 'apply' ? host.plan.apply : allSteps(host.plan);
        const shown = await showSteps(host, made, this.run.signal);
        host.observation = afterwards(host.observation, made);
        return [host.name, [...(before?.get(host.name) ?? []), ...shown]] as const;
      }),
    );
    this.rolls.push({ title, quorum, steps: new Map(steps) });
  }
}

/** What there is to say of hosts has been said when they were compared. */
const QUIET: Reporter = {
  phase: (_title, run) => run(),
  member: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  debug: () => undefined,
};
