/** How a piece of work on one member stands. */
export type Outcome = 'running' | 'done' | 'failed';

/** A step that has begun on a member. */
export interface StepNote {
  /** Which one it is, from 1, of how many. */
  readonly step: number;
  readonly of: number;
  readonly kind: string;
  readonly target: string;
  readonly reason: string;
}

/** The way to the person in front of the program. Everything goes to stderr; results are printed by commands. */
export interface Reporter {
  /** Runs one phase under a title; the title is shown while it runs and stays when it is over. */
  phase<T>(title: string, run: () => Promise<T>): Promise<T>;
  /** What is happening on a member in the running phase. */
  member(name: string, note: string, outcome?: Outcome): void;
  /** Where only the end of many steps counts, nothing is said. */
  step?(member: string, note: StepNote): void;
  info(text: string): void;
  warn(text: string): void;
  /** Shown with `-v` only: remote commands and the like. */
  debug(text: string): void;
}
