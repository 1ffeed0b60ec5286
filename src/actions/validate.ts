import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { validateCloudConfig } from '../cloud-config/validate.js';
import type { ValidateOptions } from '../cloud-config/rule.js';
import { NETWORK_SUFFIXES, splitUnitName, SYSTEMD_SUFFIXES } from '../units/unit-name.js';
import { InputError } from '../util/errors.js';
import { codeFrame } from '../util/frame.js';
import { readBase } from './base.js';
import { baseIssues, checkOptions, userDataIssues } from './check-user-data.js';
import { checkUnits } from './check-units.js';
import { desiredHosts, renderProject } from './desired.js';
import { configIssue, issuesOfError, unreadable, type FramedIssue, type Issue } from './issue.js';
import { openProject, type Project } from './project.js';

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

interface Findings {
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
  const parts = single
    ? [await checkUserDataFiles(userData, request), { files: units, issues: await checkUnits(units) }]
    : [await checkProject(request), await checkUnitDirectory(dirname(resolve(request.config ?? 'config.ts')))];
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

async function checkProject(request: ValidateRequest): Promise<Findings> {
  let project: Project;
  try {
    project = await openProject(request.config);
  } catch (error) {
    return { files: [request.config ?? 'config.ts'], issues: issuesOfInput(error) };
  }
  const warnings = project.warnings.map(configIssue);
  const { files, issues } = checkUserData(project, request);
  return { files: [request.config ?? 'config.ts', ...files], issues: [...warnings, ...issues] };
}

function checkUserData(project: Project, { etcdVersion }: ValidateRequest): Findings {
  const options = checkOptions(project, etcdVersion);
  let issues: readonly FramedIssue[] = [];
  const files: string[] = [];
  try {
    const base = readBase(project.config.user_data, project.discovery);
    files.push(base.file);
    issues = baseIssues(base, options);
    const rendered = renderProject(project);
    issues = userDataIssues(base, rendered, options);
    // What no rule finds, member by member; after an error it would only say the same in other words.
    if (!hasError(issues)) desiredHosts(project, rendered);
    return { files, issues };
  } catch (error) {
    const more = issuesOfInput(error);
    return { files, issues: hasError(issues) ? issues : [...issues, ...more] };
  }
}

const hasError = (issues: readonly Issue[]): boolean => issues.some(({ severity }) => severity === 'error');

/** The unit files in `units/` of a project, and the drop-ins beside them. */
async function checkUnitDirectory(directory: string): Promise<Findings> {
  const root = join(directory, 'units');
  if (!existsSync(root)) return { files: [], issues: [] };
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => isUnit(name) || /\.d\/[^/]+\.conf$/.test(name))
    .sort()
    .map((name) => relative(process.cwd(), join(root, name)));
  return { files, issues: await checkUnits(files) };
}

function isUnit(name: string): boolean {
  return ([...SYSTEMD_SUFFIXES, ...NETWORK_SUFFIXES] as readonly string[]).includes(splitUnitName(name).suffix);
}

function issuesOfInput(error: unknown): FramedIssue[] {
  if (!(error instanceof InputError)) throw error;
  return issuesOfError(error);
}

function frameOnDisk({ file, line, column }: Issue): string | undefined {
  if (line === null) return undefined;
  try {
    return codeFrame(readFileSync(file, 'utf8'), line, column ?? 1);
  } catch {
    return undefined;
  }
}
