import { expect } from '@jest/globals';
import type { HostPaths } from '../../../src/providers/local/store.js';
import { EtcdLoad } from './etcd-load.js';
import { at, memberAt, momentsOf, type Moment } from './moments.js';
import type { Ended, TestProject } from './project.js';

/** Each fault at every moment, instead of at some of them: an hour and more instead of minutes. */
const ALL = process.env['COREUP_TEST_MOMENTS'] === 'all';

/** The end of a title, for what `every` chooses. */
export function atEvery(nth: number): string {
  return ALL ? ', at every moment' : `, at every ${nth}th moment (COREUP_TEST_MOMENTS=all: at all of them)`;
}

/** Each nth of some, beginning with the one at `from`; all where COREUP_TEST_MOMENTS says so. */
export function every<T>(nth: number, some: readonly T[], from = 0): readonly T[] {
  return ALL ? some : some.filter((_, index) => index % nth === from % nth);
}

/** The hosts that a fault can hit; what boots them is on this machine. */
export interface Machines {
  readonly names: readonly string[];
  readonly paths: (name: string) => HostPaths;
}

/** A change of a cluster that can be made again and again, each time from the same state. */
export interface Change {
  readonly project: TestProject;
  readonly machines: Machines;
  /** What makes it, and what makes it good after a fault. */
  readonly command: readonly string[];
  /** Whom a fault hits where no member is at work. */
  readonly victim: string;
  /** Whose steps are moments; everybody's where it is absent, which is for members that make theirs in turn. */
  readonly member?: string;
  /** Brings about what there is before it. */
  prepare(): Promise<unknown>;
  /** What a person does before the next run; nothing where coreup itself switches hosts on. */
  mend?(): Promise<unknown>;
  /** Watches what happens between the state before it and the next one. */
  during?(fault: FaultName, work: () => Promise<void>): Promise<void>;
  /** Everything that it has made. */
  made(): Promise<unknown>;
}

/** What a fault has hit. */
interface Hit {
  readonly victim: string;
  /** Whether it is in the middle of the steps of the victim: at the end, what is needed of it may have come already. */
  readonly amidst: boolean;
}

/** Something that happens to a run. */
interface Fault {
  /** Shell command that lets it happen; `$PPID` is coreup. */
  readonly command: (machines: Machines, victim: string) => string;
  /** Whether the run has ended as it is to end then. */
  readonly shows: (ended: Ended, hit: Hit) => boolean;
}

const ADDRESS = (name: string) => `172.17.8.10${name.slice(-1)}`;
/** A host is off when its last process is gone, which the kernel does not wait for. */
const POWER = ({ cgroup }: HostPaths) =>
  `echo 1 >${cgroup}/cgroup.kill; timeout 10 sh -c 'until grep -qx "populated 0" ${cgroup}/cgroup.events; do sleep 0.01; done'`;
export const KILL = 'kill -9 $PPID';

/**
 * The victim is named, in the middle of its steps with the one that was cut off, unless the answers to all of them were on
 * their way already; nobody is named where the run needed no more of it.
 */
function named({ code, stderr }: Ended, { victim, amidst }: Hit): boolean {
  const says = (text: string) => new RegExp(`^${victim}: ${text}`, 'm').test(stderr);
  if (!amidst || says('\\d+ changes? made$')) return code === 0 || (code === 1 && says(''));
  return code === 1 && says('.* was cut off: ');
}

/** Faults by what happens. */
const FAULTS = {
  SIGKILL: { command: () => KILL, shows: ({ signal }) => signal === 'SIGKILL' },
  'a connection that is cut': { command: (_, victim) => `ss -K dst ${ADDRESS(victim)} dport = 22`, shows: named },
  'a power loss of one host': { command: ({ paths }, victim) => POWER(paths(victim)), shows: named },
  /** Of the machine that coreup runs on, too. */
  'a power loss of everything': {
    command: ({ names, paths }) => `(${names.map((name) => POWER(paths(name))).join('; ')}) 2>/dev/null; ${KILL}`,
    shows: ({ signal }) => signal === 'SIGKILL',
  },
} as const satisfies Readonly<Record<string, Fault>>;
export type FaultName = keyof typeof FAULTS;
const NAMES = Object.keys(FAULTS) as FaultName[];

/** A change whose course and outcome are known, since it was made once without a fault. */
export class Trial {
  private constructor(
    readonly change: Change,
    readonly moments: readonly Moment[],
    private readonly undisturbed: unknown,
  ) {}

  /** Makes a change undisturbed, and looks. */
  static async of(change: Change): Promise<Trial> {
    await change.prepare();
    await succeeds(change, change.command);
    const moments = await momentsOf(change.project, change.member);
    const trial = new Trial(change, moments, await change.made());
    expect(JSON.parse((await succeeds(change, ['up', '--json'])).stdout)).toMatchObject({ ok: true, changes: 0 });
    return trial;
  }

  get cases(): readonly Case[] {
    return this.moments.map((moment) => ({ trial: this, moment }));
  }

  /** Those at which there are connections to hosts. */
  get connected(): readonly Case[] {
    return this.cases.slice(this.moments.findIndex(({ line }) => line === 'phase Looking at the hosts'));
  }

  /** Lets a fault happen at a moment of the change; the next run must make of it what there is without a fault. */
  async survive(fault: FaultName, moment: Moment): Promise<void> {
    const { project, command, machines } = this.change;
    const { command: shell, shows }: Fault = FAULTS[fault];
    const victim = memberAt(moment) ?? this.change.victim;
    const next = this.moments.slice(this.moments.indexOf(moment) + 1).find((later) => memberAt(later) === victim);
    const amidst = memberAt(moment) === victim && next?.line.startsWith('step ') === true;
    await this.change.prepare();
    const work = async (): Promise<void> => {
      const ended = await project.coreup(command, { env: at([moment], shell(machines, victim)) });
      if (!shows(ended, { victim, amidst })) throw new Error(JSON.stringify({ fault, moment, victim, ended }, null, 2));
      await this.change.mend?.();
      await this.expectMade(`${fault} at ${moment.line}, ${moment.nth}`);
    };
    await (this.change.during?.(fault, work) ?? work());
  }

  /** Runs the command once more, after which there must be what there is without a fault. */
  async expectMade(after: string): Promise<void> {
    await succeeds(this.change, this.change.command, after);
    expect({ after, made: await this.change.made() }).toEqual({ after, made: this.undisturbed });
  }
}

/**
 * For `during`: while coreup or a single host fails, a cluster of three serves whoever knows both schemes.
 *
 * @param pki `.coreup/pki` of the project
 */
export function servingAllTheWhile(pki: () => string): NonNullable<Change['during']> {
  return async (fault, work) => {
    if (fault === 'a power loss of everything') return work();
    const load = new EtcdLoad(
      [1, 2, 3].map((number) => ADDRESS(`core-0${number}`)),
      pki(),
      150,
    );
    try {
      await work();
    } finally {
      await load.end();
    }
    expect(load.lost).toEqual([]);
    expect(load.rounds).toBeGreaterThan(0);
  };
}

/** A moment of a change at which a fault is to happen. */
export interface Case {
  readonly trial: Trial;
  readonly moment: Moment;
}

/** Those of several changes in turn, of which each leads to where the next begins. */
export function inTurn(...lists: readonly (readonly Case[])[]): readonly Case[] {
  const longest = Math.max(...lists.map(({ length }) => length));
  return Array.from({ length: longest }, (_, at) => lists.flatMap((list) => list[at] ?? [])).flat();
}

/** Lets a fault happen at one moment after the other, each time to the change from the same state. */
export async function survive(fault: FaultName, cases: readonly Case[]): Promise<void> {
  expect(cases).not.toEqual([]);
  for (const { trial, moment } of cases) await trial.survive(fault, moment);
}

/** The faults of a change: what a title says of them, and how to let them happen. */
type Round = readonly [title: string, run: (cases: readonly Case[]) => Promise<void>];

/** For `it.each`: one fault after the other, each at one of the moments that `every` chooses; or each at all of them. */
export function rounds(nth: number, from = 0): readonly Round[] {
  if (ALL) return NAMES.map((fault) => [`${fault}, at every moment`, (cases) => survive(fault, cases)]);
  return [
    [
      `SIGKILL, a cut connection, a power loss of one host or of everything, in turn${atEvery(nth).replace('all: at', 'all: each at')}`,
      async (cases) => {
        for (const [index, one] of every(nth, cases, from).entries()) {
          await survive(NAMES[index % NAMES.length] ?? 'SIGKILL', [one]);
        }
      },
    ],
  ];
}

async function succeeds({ project }: Change, command: readonly string[], after?: string): Promise<Ended> {
  const ended = await project.coreup(command);
  if (ended.code !== 0) throw new Error(`${command.join(' ')} failed: ${JSON.stringify({ after, ended }, null, 2)}`);
  return ended;
}
