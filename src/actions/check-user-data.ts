import type { ValidateOptions } from '../cloud-config/rule.js';
import { SUBSTITUTION_VARIABLES, type SubstitutionVars } from '../cloud-config/substitute.js';
import { validateCloudConfig } from '../cloud-config/validate.js';
import type { Cluster } from '../cluster/types.js';
import type { Base, UserData } from '../render/user-data.js';
import { InputError } from '../util/errors.js';
import { codeFrame } from '../util/frame.js';
import { readBase } from './base.js';
import { substitutions } from './desired.js';
import type { FramedIssue, Issue } from './issue.js';
import type { Project } from './project.js';

/** What user-data is checked against, for one version of etcd. */
export function checkOptions({ cluster }: Project, etcdVersion: string | undefined): ValidateOptions {
  return { vars: commonVariables(cluster), ...(etcdVersion === undefined ? {} : { etcdVersion }) };
}

/** The variables that have a value on every host: any other one would be empty somewhere. */
function commonVariables({ members }: Cluster): SubstitutionVars {
  const all = members.map(substitutions);
  return Object.fromEntries(
    SUBSTITUTION_VARIABLES.map((name) => [name, all.every((vars) => vars[name]) ? all[0]?.[name] : undefined]),
  );
}

/** What there is to say about a base before it is rendered: all that a plain cloud-config has, nothing for a template. */
export function baseIssues(base: Base, options: ValidateOptions): readonly Issue[] {
  return base.kind === 'template' ? [] : validateCloudConfig(base, options).issues;
}

/**
 * All findings about the user-data of a project's members, in the file that the person edits.
 *
 * A plain cloud-config is checked itself, and once more as the first of each role gets it: what coreup replaces when it
 * renders is no issue, and what config.ts adds is. A template is checked as each member gets it, and what several
 * members share is reported for the first one.
 *
 * @param given the version of etcd to check for; otherwise that of each member's host, as far as it is known
 */
export function userDataIssues(
  base: Base,
  rendered: readonly UserData[],
  project: Project,
  given?: string,
): readonly FramedIssue[] {
  const versions = new Set(rendered.map(({ member }) => given ?? project.etcdVersion(member)?.text));
  const found = new Map<string, FramedIssue>();
  for (const version of versions) {
    const options = checkOptions(project, version);
    const those = rendered.filter(({ member }) => (given ?? project.etcdVersion(member)?.text) === version);
    const issues = base.kind === 'template' ? templateIssues(those, options) : cloudConfigIssues(base, those, options);
    for (const issue of issues) if (!found.has(identity(issue))) found.set(identity(issue), issue);
  }
  return [...found.values()];
}

function cloudConfigIssues(
  base: Base,
  rendered: readonly UserData[],
  options: ValidateOptions,
): readonly FramedIssue[] {
  const own = baseIssues(base, options);
  const found = new Map<string, FramedIssue>();
  for (const userData of firstOfEachRole(rendered)) {
    for (const issue of renderedIssues(userData, options)) {
      if (!found.has(identity(issue))) found.set(identity(issue), asRendered(issue, userData));
    }
  }
  const inBase = new Set(own.map(identity));
  return [
    ...own.filter((issue) => found.has(identity(issue))),
    ...[...found].filter(([key]) => !inBase.has(key)).map(([, issue]) => issue),
  ];
}

function firstOfEachRole(rendered: readonly UserData[]): readonly UserData[] {
  const roles = new Map<string, UserData>();
  for (const userData of rendered) if (!roles.has(userData.member.role)) roles.set(userData.member.role, userData);
  return [...roles.values()];
}

function templateIssues(rendered: readonly UserData[], options: ValidateOptions): FramedIssue[] {
  const found = new Map<string, FramedIssue>();
  for (const userData of distinct(rendered)) {
    for (const issue of renderedIssues(userData, options)) {
      if (!found.has(identity(issue))) found.set(identity(issue), asRendered(issue, userData));
    }
  }
  return [...found.values()];
}

/**
 * One of all members whose texts differ only in what is each one's own: name, number and addresses. A thousand copies
 * of one text need not be checked a thousand times.
 */
function distinct([first, ...others]: readonly UserData[]): UserData[] {
  if (first === undefined) return [];
  const shared = new Set(first.text.split('\n'));
  const seen = new Map<string, UserData>();
  for (const userData of others) {
    const shape = shapeOf(userData, shared);
    if (!seen.has(shape)) seen.set(shape, userData);
  }
  return [first, ...seen.values()];
}

/** The lines that the first member does not have, with the member's own words taken out. */
function shapeOf({ member, text }: UserData, shared: ReadonlySet<string>): string {
  const { name, publicIpv4, privateIpv4, index } = member;
  const own = text.split('\n').map((line, number) => (shared.has(line) ? '' : `@${number} ${line}`));
  return [name, publicIpv4, privateIpv4]
    .filter((word) => word !== '')
    .reduce((lines, word) => lines.replaceAll(word, '\0'), own.join('\n'))
    .replaceAll(new RegExp(`(?<=\\s)${index}\\b`, 'g'), '\0');
}

function renderedIssues({ fileName, text }: UserData, options: ValidateOptions): readonly Issue[] {
  return validateCloudConfig({ file: fileName, text }, options).issues;
}

/** There may be no such file, or an older one: the message says what it is, and the lines come along. */
function asRendered(issue: Issue, { member, text }: UserData): FramedIssue {
  const { line, column, message } = issue;
  const frame = codeFrame(text, line ?? 1, column ?? 1);
  return { ...issue, message: `${message} (as rendered for ${member.name})`, frame };
}

const identity = ({ rule, path, message }: Issue): string => JSON.stringify([rule, path, message]);

/**
 * Refuses user-data that `validate` would call wrong, before anything is changed.
 *
 * @throws InputError USER_DATA_INVALID, worded and placed as `validate` does it
 */
export function refuseInvalidUserData(project: Project, rendered: readonly UserData[]): void {
  const base = readBase(project.config.user_data, project.discovery);
  const issues = userDataIssues(base, rendered, project);
  const [first, ...more] = issues.filter(({ severity }) => severity === 'error');
  if (first === undefined) return;
  const { file, line, column, hint = '' } = first;
  const place = (issue: Issue): string => `${issue.file}:${issue.line}:${issue.column}: ${issue.message}`;
  throw new InputError(
    more.length === 0
      ? place(first)
      : [`${file} has ${more.length + 1} errors`, ...[first, ...more].map((issue) => `  ${place(issue)}`)].join('\n'),
    {
      code: 'USER_DATA_INVALID',
      hint,
      location: { file, line: line ?? 1, column: column ?? 1 },
      frame: first.frame ?? codeFrame(base.text, line ?? 1, column ?? 1),
    },
  );
}
