import { Lexer } from 'yaml';
import { problemAt, type NamedText } from './problem.js';

/** The values of the four substitution variables on one host. */
export interface SubstitutionVars {
  readonly public_ipv4?: string | undefined;
  readonly private_ipv4?: string | undefined;
  readonly public_ipv6?: string | undefined;
  readonly private_ipv6?: string | undefined;
}

export const SUBSTITUTION_VARIABLES = ['public_ipv4', 'private_ipv4', 'public_ipv6', 'private_ipv6'] as const;
export type SubstitutionVariable = (typeof SUBSTITUTION_VARIABLES)[number];

/**
 * Replaces `$public_ipv4` and its three sisters in the raw text, before any YAML, as coreos-cloudinit's
 * Environment.Apply does: `\$x` becomes `$x`, `${x}` and unknown variables stay, there is no word boundary
 * (`$public_ipv4x` is replaced too), and since the character before is part of the match, the second of two adjacent
 * equal variables stays. The number of lines does not change.
 *
 * @throws InputError where a variable without a value is used, outside of comments: coreos-cloudinit would write
 *   `http://:2379`
 */
export function substitute(text: string, vars: SubstitutionVars, file = 'user-data'): string {
  const missing = missingVariables(text, vars)[0];
  if (missing !== undefined) throw unresolved({ file, text }, missing);
  let result = text;
  for (const name of SUBSTITUTION_VARIABLES) {
    result = replaceUses(result, name, vars[name] ?? '').replaceAll(`\\$${name}`, `$${name}`);
  }
  return result;
}

function replaceUses(text: string, name: SubstitutionVariable, value: string): string {
  let result = '';
  let done = 0;
  for (const offset of usesOf(text, name)) {
    result += text.slice(done, offset) + value;
    done = offset + name.length + 1;
  }
  return result + text.slice(done);
}

/**
 * Where one variable would be replaced: `([^\\]|^)\$name`, searched for by hand. A regular expression that begins with
 * "any character" looks at each of them, which takes most of the time for a large text.
 */
function usesOf(text: string, name: SubstitutionVariable): number[] {
  const uses: number[] = [];
  let end = 0;
  for (let at = text.indexOf(`$${name}`); at >= 0; at = text.indexOf(`$${name}`, at + 1)) {
    if (at > 0 && (at === end || text[at - 1] === '\\')) continue;
    uses.push(at);
    end = at + name.length + 1;
  }
  return uses;
}

/** A use of a variable: where its `$` stands in the text. */
export interface VariableUse {
  readonly name: SubstitutionVariable;
  readonly offset: number;
}

/** Every place where a variable would be replaced, comments included, in the order of the text. */
export function variableUses(text: string): VariableUse[] {
  return SUBSTITUTION_VARIABLES.flatMap((name) => usesOf(text, name).map((offset) => ({ name, offset }))).sort(
    (a, b) => a.offset - b.offset,
  );
}

/** The uses, outside of comments, of variables that have no value. */
export function missingVariables(text: string, vars: SubstitutionVars): VariableUse[] {
  const missing = variableUses(text).filter(({ name }) => (vars[name] ?? '') === '');
  if (missing.length === 0) return [];
  const isComment = commentTest(text);
  return missing.filter(({ offset }) => !isComment(offset));
}

/**
 * Tells whether a use is in a line that begins with `#`, in YAML or in a file's content, or in a comment behind a value.
 * To be asked in the order of the text, so that no line and no comment is looked at twice.
 */
function commentTest(text: string): (offset: number) => boolean {
  const comments = commentRanges(text);
  let next = 0;
  let lineEnd = -1;
  let commentLine = false;
  return (offset) => {
    if (offset > lineEnd) {
      commentLine = text
        .slice(text.lastIndexOf('\n', offset) + 1, offset)
        .trimStart()
        .startsWith('#');
      lineEnd = text.indexOf('\n', offset);
      if (lineEnd < 0) lineEnd = text.length;
    }
    while ((comments[next]?.[1] ?? Infinity) <= offset) next++;
    return commentLine || (comments[next]?.[0] ?? Infinity) <= offset;
  };
}

function commentRanges(text: string): [number, number][] {
  const ranges: [number, number][] = [];
  let offset = 0;
  let previous = '';
  for (const lexeme of new Lexer().lex(text)) {
    // The lexer puts a control character before each scalar, one that is not in the text.
    const marker = lexeme === '\u0002' || lexeme === '\u0018' || lexeme === '\u001f';
    if (lexeme.startsWith('#') && previous !== '\u001f') ranges.push([offset, offset + lexeme.length]);
    if (!marker) offset += lexeme.length;
    previous = lexeme;
  }
  return ranges;
}

function unresolved(source: NamedText, { name, offset }: VariableUse): Error {
  const family = name.endsWith('6') ? 'IPv6' : 'IPv4';
  return problemAt(
    source,
    offset,
    `$${name} is used here, but has no value`,
    'SUBSTITUTION_EMPTY',
    `Give the host a ${name.split('_')[0] ?? ''} ${family} address (\`${name}\` of the host in config.ts, or --${name.replace('_', '-')} for explain), ` +
      `use another variable, or write \\$${name} to keep the text as it is.`,
  );
}
