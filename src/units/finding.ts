export type Severity = 'error' | 'warning' | 'info';

/** One finding of a unit rule. Line and column count from 1, in the unit file. */
export interface UnitFinding {
  /** The rule's name, such as `missing-equals`. */
  readonly rule: string;
  readonly severity: Severity;
  readonly line: number;
  readonly column: number;
  /** What is wrong and why. */
  readonly message: string;
  /** What to write instead. */
  readonly hint: string;
  /** `Section.Key`, or '' for the file. */
  readonly path: string;
}
