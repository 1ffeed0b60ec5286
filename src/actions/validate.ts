import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { ValidateOptions } from '../cloud-config/rule.js';
import { codeFrame } from '../util/frame.js';
import { unreadable, type FramedIssue, type Issue } from './issue.js';

export type { Issue };

export interface ValidateRequest {
  /** As given with --config. */
  readonly config?: string | undefined;
  /** Single files to check; with any of them, no config is looked for. */
  readonly userData: readonly string[];
  readonly units: readonly string[];
  /** `3.5`; without it, what the provider's hosts are known to run. */
  readonly etcdVersion?: string | undefined;
  /** Warnings make it invalid, too. */
  readonly strict: boolean;
}

export interface ValidateResult {
  readonly valid: boolean;
  readonly issues: readonly Issue[];
  /** The files that were looked at, as a person would write them. */
  readonly files: readonly string[];
}

/** What was looked at, and what was found. */
export interface Findings {
  readonly files: readonly string[];
  readonly issues: readonly FramedIssue[];
}

/**
 * Checks everything that can be known without a host: a project's config, user-data and unit files, or single files.
 *
 * @returns the findings, and the source lines around one
 */
export async function validate(
  request: ValidateRequest,
): Promise<ValidateResult & { frameOf: (issue: Issue) => string | undefined }> {
  const { userData, units, strict } = request;
  const single = userData.length + units.length > 0;
  // What is not needed is not loaded: a single file is checked in no time.
  const parts = single
    ? [await checkUserDataFiles(userData, request), await checkUnitFiles(units)]
    : await (await import('./validate-project.js')).checkProject(request);
  const found = parts.flatMap(({ issues }) => issues);
  const frames = new Map<Issue, string>();
  const issues = found.map(({ frame, ...issue }) => {
    if (frame !== undefined) frames.set(issue, frame);
    return issue;
  });
  return {
    valid: issues.every(({ severity }) => severity === 'info' || (severity === 'warning' && !strict)),
    issues,
    files: [...new Set(parts.flatMap(({ files }) => files))],
    frameOf: (issue) => frames.get(issue) ?? frameOnDisk(issue),
  };
}

async function checkUserDataFiles(files: readonly string[], { etcdVersion }: ValidateRequest): Promise<Findings> {
  if (files.length === 0) return { files, issues: [] };
  const { validateCloudConfig } = await import('../cloud-config/validate.js');
  const options: ValidateOptions = etcdVersion === undefined ? {} : { etcdVersion };
  const issues = await Promise.all(
    files.map(async (file): Promise<readonly Issue[]> => {
      try {
        return validateCloudConfig({ file, text: await readFile(file) }, options).issues;
      } catch (error) {
        return [unreadable(file, error)];
      }
    }),
  );
  return { files, issues: issues.flat() };
}

async function checkUnitFiles(files: readonly string[]): Promise<Findings> {
  if (files.length === 0) return { files, issues: [] };
  const { checkUnits } = await import('./check-units.js');
  return { files, issues: await checkUnits(files) };
}

function frameOnDisk({ file, line, column }: Issue): string | undefined {
  if (line === null) return undefined;
  try {
    return codeFrame(readFileSync(file, 'utf8'), line, column ?? 1);
  } catch {
    return undefined;
  }
}
