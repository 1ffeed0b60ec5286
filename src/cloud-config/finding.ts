import type { Severity } from '../units/finding.js';

export type { Severity };

/** One finding about user-data, with its place: the shape of `validate --json`, and more. */
export interface Finding {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly severity: Severity;
  /** What is wrong, and why. */
  readonly message: string;
  /** The key path, such as `coreos.units[0].name`; '' for the document. */
  readonly path: string;
  /** What to write instead. */
  readonly hint: string;
  /** The rule's name. */
  readonly rule: string;
}

/** What a rule finds; the offset becomes line and column. */
export interface Found {
  readonly severity: Severity;
  readonly offset: number;
  readonly message: string;
  readonly path: string;
  readonly hint: string;
  /** Where a rule speaks for several smaller ones (the unit linter's). */
  readonly rule?: string;
}
