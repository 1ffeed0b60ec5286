import { InputError, type ErrorDetails } from '../util/errors.js';

/** One thing that is wrong or doubtful in a config file. The shape is that of `validate --json`. */
export interface Finding {
  readonly file: string;
  /** From 1; absent where the place is not known. */
  readonly line?: number;
  readonly column?: number;
  readonly severity: 'error' | 'warning';
  readonly message: string;
  /** Key path such as `provider.hosts[0].address`; empty for the file as a whole. */
  readonly path: string;
}

/** A config file that cannot be used, with all that is wrong with it. The first finding gives the location. */
export class ConfigError extends InputError {
  readonly findings: readonly Finding[];

  constructor(findings: readonly [Finding, ...Finding[]], details: ErrorDetails & { frame?: string | undefined }) {
    const [first] = findings;
    const { frame, ...rest } = details;
    super(summary(findings), {
      ...rest,
      location: placeOf(first),
      ...(frame === undefined ? {} : { frame }),
    });
    this.findings = findings;
  }
}

function placeOf({ file, line, column }: Finding): { file: string; line?: number; column?: number } {
  return { file, ...(line === undefined ? {} : { line }), ...(column === undefined ? {} : { column }) };
}

function summary(findings: readonly [Finding, ...Finding[]]): string {
  const [first, ...more] = findings;
  if (more.length === 0) return first.message;
  const errors = findings.filter((finding) => finding.severity === 'error').length;
  const lines = findings.map((finding) => `  ${where(finding)}: ${label(finding)}${finding.message}`);
  return [`${first.file} has ${errors} ${errors === 1 ? 'error' : 'errors'}`, ...lines].join('\n');
}

/** `file:line:column`, as editors and terminals make links of. */
export function where({ file, line, column }: Pick<Finding, 'file' | 'line' | 'column'>): string {
  return [file, line, column].filter((part) => part !== undefined).join(':');
}

function label(finding: Finding): string {
  return finding.severity === 'warning' ? 'warning: ' : '';
}
