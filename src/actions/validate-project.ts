import { readdirSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { NETWORK_SUFFIXES, splitUnitName, SYSTEMD_SUFFIXES } from '../units/unit-name.js';
import { InputError } from '../util/errors.js';
import { readBase } from './base.js';
import { baseIssues, checkOptions, userDataIssues } from './check-user-data.js';
import { checkUnits } from './check-units.js';
import { desiredHosts, desiredStates, renderProject } from './desired.js';
import { configIssue, issuesOfError, type FramedIssue, type Issue } from './issue.js';
import { refuseHopeless } from '../phases/services.js';
import { otherModeIssues } from './other-mode.js';
import { openProject, withStandIns, type Project } from './project.js';
import { loadServices } from './services.js';
import type { Findings, ValidateRequest } from './validate.js';

/**
 * Checks a project: its config and user-data, the unit files, which can be checked without either, and whether its
 * services can run on its members.
 */
export async function checkProject(request: ValidateRequest): Promise<readonly Findings[]> {
  const directory = dirname(resolve(request.config ?? 'config.ts'));
  const { project, ...config } = await checkConfig(request);
  const parts = [config, await checkUnitDirectory(directory)];
  // After an error they would only say the same in other words.
  return project === undefined || parts.some(({ issues }) => hasError(issues))
    ? parts
    : [...parts, checkServices(project, config.files[0])];
}

async function checkConfig(request: ValidateRequest): Promise<Findings & { readonly project?: Project }> {
  let project: Project;
  try {
    project = await openProject(request.config);
  } catch (error) {
    const file = request.config ?? 'config.ts';
    return { files: [file], issues: ownIssues(error, file) };
  }
  const warnings = project.warnings.map(configIssue);
  const { files, issues } = checkUserData(project, request);
  return { files: [request.config ?? 'config.ts', ...files], issues: [...warnings, ...issues], project };
}

function checkUserData(project: Project, { etcdVersion }: ValidateRequest): Findings {
  const version = etcdVersion ?? project.cluster.members.map(project.etcdVersion).find(Boolean)?.text;
  const options = checkOptions(project, version);
  let issues: readonly FramedIssue[] = [];
  const files: string[] = [];
  try {
    const base = readBase(project.config.user_data, project.discovery);
    files.push(base.file);
    issues = baseIssues(base, options);
    const rendered = renderProject(withStandIns(project));
    issues = [...userDataIssues(base, rendered, project, etcdVersion), ...otherModeIssues(base, project)];
    // What no rule finds, member by member; after an error it would only say the same in other words.
    if (!hasError(issues)) desiredStates(project, rendered);
    return { files, issues };
  } catch (error) {
    const more = issuesOfInput(error);
    return { files, issues: hasError(issues) ? issues : [...issues, ...more] };
  }
}

/** What is wrong with the services of config.ts and the unit files that they name, wherever those are. */
function checkServices(project: Project, configFile = ''): Findings {
  const known = withStandIns(project);
  try {
    const services = loadServices(known);
    refuseHopeless(services, desiredHosts(known, renderProject(known)));
    return { files: [...new Set(services.map(({ file }) => file))], issues: [] };
  } catch (error) {
    return { files: [], issues: ownIssues(error, configFile) };
  }
}

const hasError = (issues: readonly Issue[]): boolean => issues.some(({ severity }) => severity === 'error');

/** The unit files in `units/` of a project, and the drop-ins beside them. */
async function checkUnitDirectory(directory: string): Promise<Findings> {
  const root = join(directory, 'units');
  if (!statSync(root, { throwIfNoEntry: false })?.isDirectory()) return { files: [], issues: [] };
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => isUnit(name) || /\.d\/[^/]+\.conf$/.test(name))
    .sort()
    .map((name) => relative(process.cwd(), join(root, name)));
  return { files, issues: await checkUnits(files) };
}

function isUnit(name: string): boolean {
  return ([...SYSTEMD_SUFFIXES, ...NETWORK_SUFFIXES] as readonly string[]).includes(splitUnitName(name).suffix);
}

/** A value that does not fit the others has no place of its own; it is still the config file's. */
function ownIssues(error: unknown, configFile: string): FramedIssue[] {
  return issuesOfInput(error).map((issue) => (issue.file === '' ? { ...issue, file: configFile } : issue));
}

function issuesOfInput(error: unknown): FramedIssue[] {
  if (!(error instanceof InputError)) throw error;
  return issuesOfError(error);
}
