import { InputError } from '../util/errors.js';
import type { Finding, Found } from './finding.js';
import { interpret } from './interpret.js';
import { lineStartsOf, positionIn } from './lines.js';
import type { CloudConfigDocument } from './nodes.js';
import { parseCloudConfig } from './parse.js';
import { ruleContext, type ConfigRule, type ValidateOptions } from './rule.js';
import { ETCD_RULES } from './rules-etcd.js';
import { SCHEMA_RULES } from './rules-schema.js';
import { TEXT_RULES } from './rules-text.js';
import { UNIT_RULES } from './rules-units.js';
import { USER_RULES } from './rules-users.js';
import { WRITE_FILES_RULES } from './rules-write-files.js';
import type { UserDataSource } from './source.js';

/** What was found in one document; it is valid if there is no error. */
export interface Report {
  readonly valid: boolean;
  readonly issues: readonly Finding[];
}

export const CONFIG_RULES: readonly ConfigRule[] = [
  ...SCHEMA_RULES,
  ...WRITE_FILES_RULES,
  ...USER_RULES,
  ...UNIT_RULES,
  ...ETCD_RULES,
  ...TEXT_RULES,
];

/**
 * Checks user-data before its variables are substituted: everything coreos-cloudinit's own validator finds (at its
 * level and line), and what that one misses. Bad YAML, or a text that is no cloud-config, is the only finding then.
 */
export function validateCloudConfig(source: UserDataSource, options: ValidateOptions = {}): Report {
  let document: CloudConfigDocument;
  try {
    document = parseCloudConfig(source);
  } catch (error) {
    return reportOf([findingOf(source.file, error)]);
  }
  return validateDocument(document, options);
}

/** The same for a document that is already parsed. */
export function validateDocument(document: CloudConfigDocument, options: ValidateOptions = {}): Report {
  const context = ruleContext(document, options);
  const lineStarts = lineStartsOf(document.text);
  const findings = CONFIG_RULES.flatMap(({ name, check }) =>
    check(context).map((found) => place(document.file, lineStarts, name, found)),
  );
  return reportOf([...findings, ...applyFindings(document, findings)]);
}

function place(file: string, lineStarts: readonly number[], rule: string, found: Found): Finding {
  const { offset, ...rest } = found;
  return { rule, ...rest, file, ...positionIn(lineStarts, offset) };
}

/** Whatever would stop an apply and has no rule of its own yet. */
function applyFindings(document: CloudConfigDocument, findings: readonly Finding[]): Finding[] {
  try {
    interpret(document);
    return [];
  } catch (error) {
    const finding = findingOf(document.file, error);
    const known = findings.some(({ severity, line }) => severity === 'error' && line === finding.line);
    return known ? [] : [finding];
  }
}

function findingOf(file: string, error: unknown): Finding {
  if (!(error instanceof InputError)) throw error;
  const { line = 1, column = 1 } = error.location ?? {};
  const prefix = `${file}:${line}:${column}: `;
  return {
    rule: error.code.toLowerCase().replaceAll('_', '-'),
    severity: 'error',
    file,
    line,
    column,
    path: '',
    message: error.message.startsWith(prefix) ? error.message.slice(prefix.length) : error.message,
    hint: error.hint ?? '',
  };
}

/** In the order of the lines; a place that is reached twice (over an alias or a merge) is reported once. */
function reportOf(findings: readonly Finding[]): Report {
  const unique = new Map(findings.map((finding) => [`${finding.line}:${finding.column}:${finding.message}`, finding]));
  const issues = [...unique.values()].sort((a, b) => a.line - b.line || a.column - b.column);
  return { valid: issues.every(({ severity }) => severity !== 'error'), issues };
}
