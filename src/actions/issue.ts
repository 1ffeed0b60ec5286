import { ConfigError, type Finding as ConfigFinding } from '../config/errors.js';
import type { Severity } from '../units/finding.js';
import type { InputError } from '../util/errors.js';

/** One finding of `validate`, whatever it is about; line and column are null where there is no single place. */
export interface Issue {
  readonly file: string;
  readonly line: number | null;
  readonly column: number | null;
  readonly severity: Severity;
  readonly message: string;
  /** Key path, '' for a file as a whole. */
  readonly path: string;
  /** What to write instead. */
  readonly hint?: string;
  /** The rule's name; `systemd-analyze` for what that program says. */
  readonly rule?: string;
}

/** An issue with what a person is shown of the file, where that is not simply the file on disk. */
export interface FramedIssue extends Issue {
  readonly frame?: string;
}

/** What a config file was refused or warned for. */
export function configIssue(finding: ConfigFinding): Issue {
  const { file, line = null, column = null, severity, message, path } = finding;
  return { file, line, column, severity, message, path, rule: 'config' };
}

/** What an error says, as issues: all findings of a config's, one of any other. */
export function issuesOfError(error: InputError): FramedIssue[] {
  if (error instanceof ConfigError) {
    const [first, ...others] = error.findings.map(configIssue);
    const hinted = first && error.hint !== undefined ? { ...first, hint: error.hint } : first;
    return hinted === undefined ? others : [hinted, ...others];
  }
  const { file = '', line = null, column = null } = error.location ?? {};
  const prefix = `${file}:${line}:${column}: `;
  const message = error.message.startsWith(prefix) ? error.message.slice(prefix.length) : error.message;
  return [
    {
      file,
      line,
      column,
      severity: 'error',
      message,
      path: '',
      rule: error.code.toLowerCase().replaceAll('_', '-'),
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      ...(error.frame === undefined ? {} : { frame: error.frame }),
    },
  ];
}

/** What a person's own file could not be read for. */
export function unreadable(file: string, error: unknown): Issue {
  const { code, message } = error as NodeJS.ErrnoException;
  const why =
    code === 'ENOENT'
      ? 'there is no such file'
      : code === 'EISDIR'
        ? 'this is a directory'
        : `cannot be read: ${message}`;
  return { file, line: null, column: null, severity: 'error', message: why, path: '', rule: 'unreadable' };
}
