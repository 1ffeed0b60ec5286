import type { ConfigNode, MappingEntry, MappingNode, ScalarNode, ScalarStyle, SequenceNode } from './nodes.js';

/** Nothing in the text is wrong for all we know, but it needs the whole of YAML. Caught here; one is enough for all. */
const UNUSUAL = new Error('not in plain block style');

const MAX_DEPTH = 50;

/** Anything that could be seen as another line break, and tabs outside of block texts, are for the real parser. */
const OTHER_BREAKS = /[\r\u0085\u2028\u2029]/;
const KEY = /[A-Za-z_][A-Za-z0-9_.-]{0,200}(?=:(?: |\n|$))/y;
/** A plain scalar that can be nothing else: an innocent first character, no tab. */
const PLAIN = /(?:[A-Za-z0-9_./$(+~^;]|-(?=[0-9A-Za-z/]))[^\n\t]*/y;

/**
 * Reads the plain block style that almost all cloud-configs are written in, some ten times faster than the yaml
 * package: mappings and lists by indentation, one-line scalars, `|` texts, comments. It gives exactly the nodes that
 * the yaml package's tree would become (a property test compares them).
 *
 * @returns undefined for a text with anything else in it, right or wrong: brackets, anchors, tags, escapes, folded and
 *   multi-line texts, duplicate keys, odd indentation …
 */
export function parseBlockYaml(text: string): { readonly root: MappingNode | null } | undefined {
  if (OTHER_BREAKS.test(text)) return undefined;
  try {
    return { root: new BlockParser(text).document() };
  } catch (error) {
    if (error === UNUSUAL) return undefined;
    throw error;
  }
}

class BlockParser {
  /** Start of the present line, the first one that is neither empty nor a comment; -1 behind the last one. */
  private line = 0;
  private lineEnd = 0;
  private indent = 0;
  /** Behind the `---` that may stand at the top; a later one, or `...`, would end the document. */
  private started = false;

  constructor(private readonly text: string) {}

  document(): MappingNode | null {
    this.toLine(0);
    const marker = this.line >= 0 && this.indent === 0 && /^--- *$/.test(this.text.slice(this.line, this.lineEnd));
    this.started = true;
    if (marker) this.nextLine();
    if (this.line < 0) return null;
    const root = this.mapping(this.indent, this.line + this.indent, 0);
    if (this.line >= 0) throw UNUSUAL;
    return root;
  }

  /** A mapping whose first key is at `start`, in the column `indent`. */
  private mapping(indent: number, start: number, depth: number): MappingNode {
    if (depth > MAX_DEPTH) throw UNUSUAL;
    const entries: MappingEntry[] = [];
    const byKey = new Map<string, MappingEntry>();
    let at = start;
    do {
      const entry = this.entry(indent, at, depth);
      if (byKey.has(entry.key)) throw UNUSUAL;
      entries.push(entry);
      byKey.set(entry.key, entry);
      at = this.line + this.indent;
    } while (this.line >= 0 && this.indent === indent && this.text[at] !== '-');
    if (this.line >= 0 && this.indent > indent) throw UNUSUAL;
    const last = entries[entries.length - 1];
    const end = Math.max(last?.colonEnd ?? 0, last?.value.end ?? 0);
    return { kind: 'mapping', start, end, lastPairEnd: end, flow: false, entries, byKey };
  }

  private entry(indent: number, keyStart: number, depth: number): MappingEntry {
    KEY.lastIndex = keyStart;
    const spelling = KEY.exec(this.text)?.[0];
    if (spelling === undefined) throw UNUSUAL;
    const keyEnd = keyStart + spelling.length;
    const colonEnd = keyEnd + 1;
    const key = spelling.replaceAll('-', '_');
    return { key, spelling, keyStart, keyEnd, colonEnd, value: this.value(indent, colonEnd, depth), merged: false };
  }

  /** What stands behind a colon: on the same line, or in the lines below. */
  private value(indent: number, colonEnd: number, depth: number): ConfigNode {
    const at = this.skipSpaces(colonEnd);
    if (!this.isLineRest(at)) return this.scalar(at, indent);
    this.nextLine();
    if (this.line >= 0) {
      const start = this.line + this.indent;
      const dash = this.isDash(start);
      if (this.indent > indent) {
        return dash ? this.sequence(this.indent, depth + 1) : this.mapping(this.indent, start, depth + 1);
      }
      if (this.indent === indent && dash) return this.sequence(indent, depth + 1);
    }
    return { kind: 'scalar', start: colonEnd, end: colonEnd, text: '', style: 'plain' };
  }

  private sequence(indent: number, depth: number): SequenceNode {
    if (depth > MAX_DEPTH) throw UNUSUAL;
    const start = this.line + indent;
    const items: ConfigNode[] = [];
    while (this.line >= 0 && this.indent === indent && this.isDash(this.line + indent)) {
      items.push(this.item(indent, depth));
    }
    if (this.line >= 0 && this.indent > indent) throw UNUSUAL;
    return { kind: 'sequence', start, end: items[items.length - 1]?.end ?? start, flow: false, items };
  }

  private item(indent: number, depth: number): ConfigNode {
    const dash = this.line + indent;
    const at = this.skipSpaces(dash + 1);
    if (this.isLineRest(at) || this.isDash(at)) throw UNUSUAL;
    KEY.lastIndex = at;
    if (KEY.test(this.text)) return this.mapping(at - this.line, at, depth + 1);
    return this.scalar(at, indent);
  }

  /** A scalar that begins at `at`, as the value of a key or an item in the column `indent`; goes to the next line. */
  private scalar(at: number, indent: number): ScalarNode {
    const first = this.text[at];
    if (first === '|') return this.literal(at, indent);
    const scalar = first === '"' || first === "'" ? this.quoted(at, first) : this.plain(at);
    this.nextLine();
    // A deeper line would continue a plain scalar, and be wrong behind a quoted one.
    if (this.line >= 0 && this.indent > indent) throw UNUSUAL;
    return scalar;
  }

  private quoted(start: number, quote: '"' | "'"): ScalarNode {
    const close = this.text.indexOf(quote, start + 1);
    if (close < 0 || close > this.lineEnd || this.text[close + 1] === quote) throw UNUSUAL;
    const text = this.text.slice(start + 1, close);
    const end = close + 1;
    if (quote === '"' && text.includes('\\')) throw UNUSUAL;
    const rest = this.skipSpaces(end);
    if (!this.isLineRest(rest)) throw UNUSUAL;
    return { kind: 'scalar', start, end, text, style: quote === '"' ? 'double' : 'single' };
  }

  private plain(start: number): ScalarNode {
    PLAIN.lastIndex = start;
    const line = PLAIN.exec(this.text)?.[0];
    if (line === undefined || start + line.length !== this.lineEnd) throw UNUSUAL;
    const comment = line.indexOf(' #');
    const text = trimSpaces(comment < 0 ? line : line.slice(0, comment));
    if (text.endsWith(':') || text.includes(': ')) throw UNUSUAL;
    return { kind: 'scalar', start, end: start + text.length, text, style: 'plain' };
  }

  /** A `|` or `|-` text, its indentation taken from the first line. */
  private literal(start: number, indent: number): ScalarNode {
    const header = this.text.slice(start + 1, this.lineEnd);
    if (!/^-? *(?: #.*)?$/.test(header)) throw UNUSUAL;
    const { text } = this;
    const lines: string[] = [];
    let width = -1;
    let last = -1;
    let at = this.lineEnd + 1;
    for (; at < text.length; at = this.endOf(at) + 1) {
      const end = this.endOf(at);
      let spaces = at;
      while (text.charCodeAt(spaces) === 0x20) spaces++;
      if (spaces === end) {
        // Where the width is not known yet, longer empty lines are a fault; behind it they are text.
        if (width < 0 && spaces > at) throw UNUSUAL;
        lines.push(width < 0 ? '' : text.slice(at + width, end));
        continue;
      }
      if (width < 0) {
        width = spaces - at;
        if (width <= indent) throw UNUSUAL;
      }
      if (spaces - at < width) {
        if (spaces - at > indent) throw UNUSUAL;
        break;
      }
      lines.push(text.slice(at + width, end));
      last = lines.length;
    }
    if (last < 0 || (at >= text.length && text[text.length - 1] !== '\n')) throw UNUSUAL;
    if (lines.slice(last).some((line) => line !== '')) throw UNUSUAL;
    const content = lines.slice(0, last).join('\n') + (header.startsWith('-') ? '' : '\n');
    const end = this.trimmedEnd(Math.min(at, text.length), start);
    this.toLine(at);
    const style: ScalarStyle = 'literal';
    return { kind: 'scalar', start, end, text: content, style };
  }

  private trimmedEnd(end: number, start: number): number {
    let last = end;
    while (last > start && ' \t\n'.includes(this.text[last - 1] ?? '')) last--;
    return last;
  }

  private nextLine(): void {
    this.toLine(this.lineEnd + 1);
  }

  /** Goes to the first line from an offset that has something on it. */
  private toLine(offset: number): void {
    const { text } = this;
    let at = offset;
    while (at < text.length) {
      const end = this.endOf(at);
      let start = at;
      while (text.charCodeAt(start) === 0x20) start++;
      const first = text[start];
      if (first === '\t') throw UNUSUAL;
      if (start < end && first !== '#') {
        if (start === at && this.started && /^(?:---|\.\.\.)/.test(text.slice(at, at + 3))) throw UNUSUAL;
        this.line = at;
        this.lineEnd = end;
        this.indent = start - at;
        return;
      }
      at = end + 1;
    }
    this.line = -1;
    this.lineEnd = text.length;
    this.indent = 0;
  }

  private endOf(at: number): number {
    const end = this.text.indexOf('\n', at);
    return end < 0 ? this.text.length : end;
  }

  private skipSpaces(at: number): number {
    let next = at;
    while (this.text.charCodeAt(next) === 0x20) next++;
    return next;
  }

  /** Nothing but a comment follows on the line. */
  private isLineRest(at: number): boolean {
    return at >= this.lineEnd || (this.text[at] === '#' && this.text[at - 1] === ' ');
  }

  private isDash(at: number): boolean {
    return this.text[at] === '-' && (this.text[at + 1] === ' ' || at + 1 >= this.lineEnd);
  }
}

function trimSpaces(text: string): string {
  let end = text.length;
  while (text.charCodeAt(end - 1) === 0x20) end--;
  return text.slice(0, end);
}
