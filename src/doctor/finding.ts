/** Something that is wrong, or may soon be. */
export interface Finding {
  /** A stable, greppable name, such as `port-taken`. */
  readonly check: string;
  /** Errors keep the cluster from working, or will; warnings do not yet. */
  readonly severity: 'error' | 'warning';
  /** A member, `this machine`, or `the cluster`. */
  readonly where: string;
  /** What is wrong, as a sentence without its subject where that is `where`. */
  readonly what: string;
  /** What to do about it; where there is one, with the exact command. */
  readonly advice: string;
}

export const HERE = 'this machine';
export const CLUSTER = 'the cluster';

type Found = (check: string, where: string, what: string, advice: string) => Finding;

export const error: Found = (check, where, what, advice) => ({ check, severity: 'error', where, what, advice });
export const warning: Found = (check, where, what, advice) => ({ check, severity: 'warning', where, what, advice });
