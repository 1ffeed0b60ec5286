import { ConfigError } from '../config/errors.js';
import { InputError } from '../util/errors.js';
import { openProject } from './project.js';
import { renderChecked } from './render.js';

/** One finding; the place is null where it is not known. */
export interface Issue {
  readonly file: string;
  readonly line: number | null;
  readonly column: number | null;
  readonly severity: 'error' | 'warning' | 'info';
  readonly message: string;
  /** Key path, '' for a file as a whole. */
  readonly path: string;
}

export interface ValidateResult {
  readonly valid: boolean;
  readonly issues: readonly Issue[];
}

/**
 * Checks everything about a project that can be known without a host.
 *
 * @returns the findings, and the error that ended the check, if one did
 */
export async function validate(configFile?: string): Promise<ValidateResult & { error?: InputError }> {
  try {
    const project = await openProject(configFile);
    renderChecked(project);
    return { valid: true, issues: project.warnings.map(issueOf) };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const findings = error instanceof ConfigError ? error.findings : [{ ...error.location, message: error.message }];
    return { valid: false, issues: findings.map(issueOf), error };
  }
}

function issueOf(
  finding:
    | (Partial<Issue> & { message: string })
    | { file?: string; line?: number; column?: number; severity?: Issue['severity']; message: string; path?: string },
): Issue {
  return {
    file: finding.file ?? '',
    line: finding.line ?? null,
    column: finding.column ?? null,
    severity: finding.severity ?? 'error',
    message: finding.message,
    path: finding.path ?? '',
  };
}
