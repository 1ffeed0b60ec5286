import type * as z from 'zod';
import { allowed, allowedKeys, choicesOf, knownKeys, schemaAt } from './describe.js';
import { formatPath, valueAt, type KeyPath } from './key-path.js';
import { nearest } from '../util/nearest.js';
import { reserved } from './reserved.js';
import { show } from './show.js';

/** What is wrong at a place in the config, before the place in the file is known. */
export interface Issue {
  readonly path: KeyPath;
  readonly message: string;
  readonly severity: 'error' | 'warning';
  /** Whether the key itself is wrong, or the value that it has. */
  readonly at: 'key' | 'value';
}

/** Puts what zod found into words: what was found, what is allowed, and which key was probably meant. */
export function wordIssues(schema: z.ZodType, input: unknown, issues: readonly z.core.$ZodIssue[]): readonly Issue[] {
  const worded = issues.flatMap((issue) => wordIssue(schema, input, issue, []));
  // One value can break two rules (1.5 is no whole number and out of range): it is one mistake.
  return [...new Map(worded.map((issue) => [`${issue.at} ${formatPath(issue.path)}`, issue])).values()];
}

function wordIssue(schema: z.ZodType, input: unknown, issue: z.core.$ZodIssue, base: KeyPath): readonly Issue[] {
  const path: KeyPath = [...base, ...issue.path.map((part) => (typeof part === 'number' ? part : String(part)))];
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(schema, input, path, key));
  if (issue.code === 'invalid_key') return [badKey(schema, input, path)];
  if (issue.code === 'invalid_union') {
    // An object can only have meant the option that is an object: what is wrong inside it is what helps.
    const inner = issue.errors.find((errors) => errors.every((error) => error.path.length > 0 || isAboutKeys(error)));
    if (inner && inner.length > 0) return inner.flatMap((error) => wordIssue(schema, input, error, path));
  }
  return [wrongValue(schema, input, path)];
}

function isAboutKeys(issue: z.core.$ZodIssue): boolean {
  return issue.code === 'unrecognized_keys';
}

function unknownKey(schema: z.ZodType, input: unknown, parent: KeyPath, key: string): Issue {
  const path = [...parent, key];
  const known = knownKeys(schema, parent, input);
  return { path, message: `${formatPath(path)} ${unknownKeyWords(path, key, known)}`, severity: 'error', at: 'key' };
}

function unknownKeyWords(path: KeyPath, key: string, known: readonly string[]): string {
  const why = reserved(path);
  if (why) return `cannot be set: ${why}`;
  const meant = nearest(key, known);
  if (meant) return `is not a known key; did you mean ${meant}?`;
  return `is not a known key; known here: ${known.join(', ')}`;
}

function badKey(schema: z.ZodType, input: unknown, path: KeyPath): Issue {
  const parent = schemaAt(schema, path.slice(0, -1), input);
  const must = (parent && allowedKeys(parent)) ?? 'something else';
  return { path, message: `${formatPath(path)}: the key must be ${must}`, severity: 'error', at: 'key' };
}

function wrongValue(schema: z.ZodType, input: unknown, path: KeyPath): Issue {
  const expected = schemaAt(schema, path, input);
  const must = expected ? `must be ${allowed(expected)}` : 'is not allowed';
  const value = valueAt(input, path);
  const name = path.length === 0 ? 'the config' : formatPath(path);
  const found = value === undefined ? `${name} is missing; it ${must}` : `${name} is ${show(value)}; it ${must}`;
  return { path, message: found + advice(value, must, expected), severity: 'error', at: 'value' };
}

/** What a wrong text was probably meant to be. */
function advice(value: unknown, must: string, expected: z.ZodType | undefined): string {
  if (typeof value !== 'string' || !expected) return '';
  // "3" for 3 is the commonest slip of people who come from shell variables.
  if (/^\d+$/.test(value) && must.includes('number')) return ` (write ${value} without quotes)`;
  const meant = nearest(`'${value}'`, choicesOf(expected) ?? []);
  return meant === undefined ? '' : `; did you mean ${meant}?`;
}
