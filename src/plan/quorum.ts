/** One voting member of a running etcd cluster. */
export interface Voter {
  readonly name: string;
  /** Whether it answers and follows a leader. */
  readonly up: boolean;
  /** Whether the plan restarts its etcd, or starts it where it is down. */
  readonly restarts: boolean;
}

/** What a cluster can bear at one moment. */
export interface Strength {
  readonly voters: number;
  readonly up: number;
  readonly quorum: number;
  /** Members that may fail now, and the cluster still takes writes; 0 also where there is no quorum. */
  readonly tolerates: number;
}

/** Members that are restarted, or started, at the same time. */
export interface Stage {
  readonly members: readonly string[];
  readonly before: Strength;
  readonly during: Strength;
  /** Once they are healthy again; nobody goes on before that. */
  readonly after: Strength;
}

/** The order in which members restart, and what becomes of the quorum. */
export interface RollOut {
  readonly before: Strength;
  readonly stages: readonly Stage[];
  /**
   * `safe`: the quorum is never lost. `interrupts`: a cluster this small has none to spare, so that it does not answer
   * while a member restarts. `refused`: it would be lost, and need not be.
   */
  readonly verdict: 'safe' | 'interrupts' | 'refused';
  /** Members that come first, all at once: those that are down and that the plan starts; all, where there is no quorum. */
  readonly mended: readonly string[];
  /** Members that are down, and that the plan does nothing about. */
  readonly lost: readonly string[];
  /** Members that restart one after the other. */
  readonly rolled: readonly string[];
}

/** Half of the members, rounded down, plus one (etcd FAQ, "What is failure tolerance?"). */
export function quorum(members: number): number {
  return Math.floor(members / 2) + 1;
}

/** @param up how many of the voters answer */
export function strength(voters: number, up: number): Strength {
  return { voters, up, quorum: quorum(voters), tolerates: Math.max(0, up - quorum(voters)) };
}

/**
 * Plans the restarts of a cluster: those that are down come back first, since they have nothing to lose; then those that
 * work, one at a time. A cluster without a quorum, or one that is only founded, has nothing to lose either: all at once.
 * No other order keeps more members up. Pure.
 */
export function rollOut(voters: readonly Voter[]): RollOut {
  const size = voters.length;
  const count = (test: (voter: Voter) => boolean): number => voters.filter(test).length;
  const before = strength(
    size,
    count(({ up }) => up),
  );
  const idle = before.up < before.quorum;
  const mended = voters.filter(({ up, restarts }) => restarts && (idle || !up)).map(({ name }) => name);
  const rolled = voters.filter(({ up, restarts }) => restarts && up && !idle).map(({ name }) => name);
  const lost = voters.filter(({ up, restarts }) => !up && !restarts).map(({ name }) => name);
  const without = strength(
    size,
    count(({ name, up }) => up && !mended.includes(name)),
  );
  const whole = strength(size, size - lost.length);
  const mending = mended.length === 0 ? [] : [{ members: mended, before, during: without, after: whole }];
  const during = strength(size, whole.up - 1);
  const rolling = rolled.map((name): Stage => ({ members: [name], before: whole, during, after: whole }));
  const breaks = rolling.length > 0 && during.up < during.quorum;
  const verdict = !breaks ? 'safe' : size - 1 < quorum(size) ? 'interrupts' : 'refused';
  return { before, stages: [...mending, ...rolling], verdict, mended, lost, rolled };
}
