import { Composer, Lexer, Parser, type CST, type Document, type ErrorCode } from 'yaml';
import { problemAt, type NamedText } from './problem.js';

/** Deeper than any cloud-config (which needs six levels), and far below what would exhaust the stack. */
const MAX_DEPTH = 100;

/**
 * More than two anchors, tags and aliases in a row, or two commas, are wrong; a text of 300,000 takes the yaml package a
 * second to say so.
 */
const MAX_REPEATED = 10;

/** What the yaml package says about texts it cannot read, before it is put into our words. */
export class YamlFault extends Error {
  constructor(
    readonly code: ErrorCode,
    readonly offset: number,
    message: string,
  ) {
    super(message);
  }
}

/**
 * The yaml package's documents of a text.
 *
 * @throws YamlFault for the first thing that is not YAML
 */
export function composeYaml(source: NamedText): Document.Parsed[] {
  const composer = new Composer(OPTIONS);
  // The composer collects faults, 300,000 of them in a hostile text, each with a stack: seconds. The first is enough.
  // Its handler is private; should a later version rename it, the check below still finds the first fault, slower.
  Object.assign(composer, { onError: firstFaultThrower() });
  const documents = [...composer.compose(tokensOf(source), true, source.text.length)];
  const error = documents[0]?.errors[0];
  if (error !== undefined) throw new YamlFault(error.code, error.pos[0], error.message);
  return documents;
}

const OPTIONS = {
  version: '1.1',
  schema: 'failsafe',
  resolveKnownTags: false,
  uniqueKeys: false,
  logLevel: 'silent',
} as const;

/** Throws the first fault, and that one again: the composer catches what is thrown inside of a collection. */
function firstFaultThrower(): (at: FaultPlace, code: ErrorCode, message: string, warning?: boolean) => void {
  let first: YamlFault | undefined;
  return (at, code, message, warning) => {
    if (warning === true) return;
    first ??= new YamlFault(code, typeof at === 'number' ? at : 'offset' in at ? at.offset : at[0], message);
    throw first;
  };
}

type FaultPlace = number | readonly [number, number] | { readonly offset: number };

function tokensOf(source: NamedText): CST.Token[] {
  const parser = new Parser();
  const tokens: CST.Token[] = [];
  let repeated = 0;
  let last = '';
  for (const lexeme of new Lexer().lex(source.text)) {
    const kind = repeatable(lexeme);
    if (kind !== ' ') repeated = kind !== '' && kind === last ? repeated + 1 : 0;
    if (kind !== ' ') last = kind;
    if (repeated > MAX_REPEATED) {
      throw new YamlFault('UNEXPECTED_TOKEN', parser.offset, `${JSON.stringify(lexeme.slice(0, 20))} again and again`);
    }
    for (const token of parser.next(lexeme)) tokens.push(token);
    // One document is allowed, so two are as bad as the 100,000 that may follow.
    if (tokens.length > 1 && tokens.filter(({ type }) => type === 'document').length > 1) return tokens;
    if (parser.stack.length > MAX_DEPTH) {
      throw problemAt(
        source,
        parser.offset,
        `more than ${MAX_DEPTH} levels of nesting`,
        'YAML_DEPTH',
        'A cloud-config has six levels at most; look for brackets or dashes that are not meant as YAML and quote them.',
      );
    }
  }
  for (const token of parser.end()) tokens.push(token);
  return tokens;
}

/** What may stand too often in a row: `&` for anchors, tags and aliases, a comma, a blank for what does not count. */
function repeatable(lexeme: string): '&' | ',' | ' ' | '' {
  const first = lexeme.charAt(0);
  if (first === '&' || first === '!' || first === '*') return '&';
  if (first === ',') return ',';
  return first === ' ' || first === '\n' || first === '\t' || first === '\r' ? ' ' : '';
}
