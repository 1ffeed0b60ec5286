import { splitUnitName } from './unit-name.js';

/**
 * The values of one assignment in [X-Fleet]: several where the line is a list of quoted ones, with a single space
 * between two of them (parseMultivalueLine in fleet's unit/unit.go).
 */
export function splitFleetValue(line: string): readonly string[] {
  if (!line.startsWith('"') || !line.endsWith('"')) return [line];
  const values: string[] = [];
  let value = '';
  let quoted = false;
  for (const letter of line) {
    if (letter === '"') quoted = !quoted;
    else if (letter === ' ' && !quoted) {
      values.push(value);
      value = '';
    } else value += letter;
  }
  return [...values, value];
}

/** The specifiers that fleet fills in from the unit's name: %n %N %p %i (unitPrintf in fleet's job/job.go). */
export function fillFleetSpecifiers(value: string, name: string): string {
  const { prefix, instance, suffix } = splitUnitName(name);
  const specifiers: Readonly<Record<string, string>> = {
    n: name,
    N: name.slice(0, name.length - suffix.length - 1),
    p: prefix,
    i: instance ?? '',
  };
  return value.replace(/%([nNpi])/g, (_match, letter: string) => specifiers[letter] ?? '');
}

/** "true", "yes", "1", "on" or "t", as fleet reads Global (isTruthyValue in fleet's job/job.go). */
export const isFleetTrue = (value: string): boolean => /^(?:true|yes|1|on|t)$/i.test(value);

/**
 * As Go's path.Match: `*`, `?`, `[a-z]`, `[^a]`, and a backslash that takes the next character as it is. A pattern that
 * is malformed matches nothing.
 */
export function globMatches(pattern: string, name: string): boolean {
  return compiled(pattern)?.test(name) ?? false;
}

const cache = new Map<string, RegExp | undefined>();

function compiled(pattern: string): RegExp | undefined {
  const known = cache.get(pattern);
  if (known !== undefined || cache.has(pattern)) return known;
  const made = compile(pattern);
  cache.set(pattern, made);
  return made;
}

const TOKEN = /\*+|\?|\\([^])|\[(\^?)((?:\\[^]|[^\]\\])+)\]|([^*?[\\])/gy;

function compile(pattern: string): RegExp | undefined {
  let source = '';
  let end = 0;
  for (const match of pattern.matchAll(TOKEN)) {
    const [token, escaped, negated, set, plain] = match;
    end = match.index + token.length;
    if (token.startsWith('*')) source += '[^/]*';
    else if (token === '?') source += '[^/]';
    else if (set !== undefined) source += `[${negated ? '^' : ''}${setOf(set)}]`;
    else source += literal(escaped ?? plain ?? '');
  }
  if (end !== pattern.length) return undefined;
  try {
    return new RegExp(`^${source}$`, 'su');
  } catch {
    return undefined;
  }
}

/** What is between brackets: single characters and ranges. */
function setOf(text: string): string {
  return text.replace(/\\([^])|([^\\])/g, (_all, escaped: string | undefined, plain: string | undefined) =>
    plain === '-' ? '-' : literal(escaped ?? plain ?? '', /[\]\\^[-]/),
  );
}

const literal = (letter: string, special = /[.*+?^${}()|[\]\\/]/): string =>
  special.test(letter) ? `\\${letter}` : letter;
