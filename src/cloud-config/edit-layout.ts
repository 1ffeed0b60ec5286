import type { Splice } from './edit.js';
import { emitScalar, type EmitOptions } from './emit-scalar.js';
import type { CloudConfigDocument, ConfigNode, MappingEntry, MappingNode } from './nodes.js';

/** A scalar to write, and what its key is read as. */
export interface NewValue {
  readonly value: string;
  readonly type: EmitOptions['type'];
}

/** Keys to insert, in order; a nested map is a mapping to create. */
export type NewKeys = Map<string, NewValue | NewKeys>;

/**
 * Where keys are to be inserted: into a mapping, behind a key that has no value yet, or (null) into a document without
 * keys.
 */
export type InsertionPlace = MappingNode | MappingEntry | null;

/** How the document is laid out: its line breaks, its indentation, and where something new can stand. */
export class EditLayout {
  private readonly lineBreak: string;
  private readonly step: number;

  constructor(private readonly document: CloudConfigDocument) {
    const { text } = document;
    this.lineBreak = text.split('\r\n').length * 2 > text.split('\n').length + 1 ? '\r\n' : '\n';
    this.step = this.indentStep();
  }

  get text(): string {
    return this.document.text;
  }

  /** The colon to write behind a key that has none (in `{a, b}`). */
  colon(entry: MappingEntry): string {
    return entry.colonEnd === entry.keyEnd ? ':' : '';
  }

  lineStart(offset: number): number {
    return this.text.lastIndexOf('\n', offset - 1) + 1;
  }

  /** Offset of the line break that ends the line of an offset. */
  lineEnd(offset: number): number {
    const end = this.text.indexOf('\n', offset);
    if (end < 0) return this.text.length;
    return this.text[end - 1] === '\r' && end > offset ? end - 1 : end;
  }

  /** Where the line behind this one starts. */
  nextLine(offset: number): number {
    const end = this.text.indexOf('\n', offset);
    return end < 0 ? this.text.length : end + 1;
  }

  /**
   * The splice that adds keys.
   *
   * @param flow whether the place is inside of braces
   * @param gone entries of the mapping that are deleted at the same time
   */
  insertion(where: InsertionPlace, keys: NewKeys, flow: boolean, gone: ReadonlySet<MappingEntry>): Splice {
    if (where === null) return this.intoEmptyDocument(keys);
    if (!('kind' in where)) return this.intoEmptyValue(where, keys, flow);
    const kept = where.entries.filter((entry) => !entry.merged && !gone.has(entry));
    return flow ? this.intoFlow(where, keys, kept) : this.intoBlock(where, keys, kept);
  }

  private intoEmptyDocument(keys: NewKeys): Splice {
    const { text } = this;
    if (text === '') return { start: 0, end: 0, text: `#cloud-config\n\n${this.block(keys, 0).join('\n')}\n` };
    const end = /^\.\.\.[ \t]*\r?$/m.exec(text)?.index ?? text.length;
    const before = text[end - 1] === '\n' ? '' : this.lineBreak;
    return {
      start: end,
      end,
      text:
        before +
        this.block(keys, 0)
          .map((line) => line + this.lineBreak)
          .join(''),
    };
  }

  private intoEmptyValue(entry: MappingEntry, keys: NewKeys, flow: boolean): Splice {
    const { colonEnd, value } = entry;
    const end = Math.max(colonEnd, value.end);
    if (flow) return { start: colonEnd, end, text: `${this.colon(entry)} ${this.flow(keys)}` };
    const indent = entry.keyStart - this.lineStart(entry.keyStart) + this.step;
    const lines = this.block(keys, indent)
      .map((line) => this.lineBreak + line)
      .join('');
    // A comment behind an empty value stays where it is.
    return end > colonEnd && value.start < value.end
      ? { start: colonEnd, end, text: lines }
      : { start: this.lineEnd(end), end: this.lineEnd(end), text: lines };
  }

  private intoBlock(mapping: MappingNode, keys: NewKeys, kept: readonly MappingEntry[]): Splice {
    const indent = mapping.start - this.lineStart(mapping.start);
    const lines = this.block(keys, indent);
    const last = mapping.entries.findLast((entry) => !entry.merged);
    const lastKept = kept.at(-1);
    if (last !== lastKept) {
      // The lines behind the last one that stays go away, so nothing can be put there.
      const at = lastKept === undefined ? mapping.start : this.nextLine(endOf(lastKept));
      const start = this.lineStart(at);
      return { start, end: start, text: lines.map((line) => line + this.lineBreak).join('') };
    }
    const end = this.lineEnd(mapping.lastPairEnd);
    if (end === this.text.length && last !== undefined && endsInBlockScalar(last.value)) {
      // Behind a block text without final line break, a new line would add that line break to the text.
      const start = this.lineStart(last.keyStart);
      return { start, end: start, text: lines.map((line) => line + this.lineBreak).join('') };
    }
    return { start: end, end, text: lines.map((line) => this.lineBreak + line).join('') };
  }

  private intoFlow(mapping: MappingNode, keys: NewKeys, kept: readonly MappingEntry[]): Splice {
    const pairs = this.flow(keys).slice(1, -1);
    const last = kept.at(-1);
    const merges = mapping.entries.some(({ merged }) => merged);
    if (last === undefined && !merges) return { start: mapping.start + 1, end: mapping.start + 1, text: pairs };
    const at = merges ? mapping.lastPairEnd : last === undefined ? mapping.lastPairEnd : endOf(last);
    return { start: at, end: at, text: `, ${pairs}` };
  }

  private block(keys: NewKeys, indent: number): string[] {
    const pad = ' '.repeat(indent);
    return [...keys].flatMap(([key, value]) =>
      value instanceof Map
        ? [`${pad}${key}:`, ...this.block(value, indent + this.step)]
        : [`${pad}${key}: ${emitScalar(value.value, { type: value.type, flow: false })}`],
    );
  }

  private flow(keys: NewKeys): string {
    const pairs = [...keys].map(([key, value]) =>
      value instanceof Map
        ? `${key}: ${this.flow(value)}`
        : `${key}: ${emitScalar(value.value, { type: value.type, flow: true })}`,
    );
    return `{${pairs.join(', ')}}`;
  }

  /** By how much the document indents one level: as its first nested mapping does, or two. */
  private indentStep(): number {
    for (const entry of this.document.root?.entries ?? []) {
      const { value } = entry;
      if (value.kind !== 'mapping' || value.flow || value.alias === true) continue;
      const step = value.start - this.lineStart(value.start) - (entry.keyStart - this.lineStart(entry.keyStart));
      if (step > 0) return step;
    }
    return 2;
  }
}

const endOf = ({ colonEnd, value }: MappingEntry): number => Math.max(colonEnd, value.end);

function endsInBlockScalar(node: ConfigNode): boolean {
  if (node.kind === 'scalar') return node.style === 'literal' || node.style === 'folded';
  if (node.flow || node.alias === true) return false;
  const last = node.kind === 'mapping' ? node.entries.at(-1)?.value : node.items.at(-1);
  return last !== undefined && endsInBlockScalar(last);
}
