import { isAlias, isMap, isScalar, isSeq, type Node, type Scalar, type YAMLMap, type YAMLSeq } from 'yaml';
import { lineStartsOf, positionIn } from './lines.js';
import type { ConfigNode, MappingEntry, MappingNode, ScalarNode, ScalarStyle, SequenceNode } from './nodes.js';
import { problemAt, type NamedText } from './problem.js';
import { tagFits } from './scalars.js';

/**
 * What aliases may multiply: nodes, and characters of text. A document of ten lines can name 10^10 nodes (a "YAML
 * bomb"); a real cloud-config repeats a few.
 */
const MAX_ALIASED_NODES = 100_000;
const MAX_ALIASED_TEXT = 64 * 1024 * 1024;

const STYLES: Readonly<Record<string, ScalarStyle>> = {
  PLAIN: 'plain',
  QUOTE_SINGLE: 'single',
  QUOTE_DOUBLE: 'double',
  BLOCK_LITERAL: 'literal',
  BLOCK_FOLDED: 'folded',
};

interface Weight {
  readonly nodes: number;
  readonly text: number;
}
interface Anchored extends Weight {
  readonly node: ConfigNode;
}

/** Makes our own nodes of the yaml package's: aliases resolved, merge keys applied, duplicate keys refused. */
export class TreeBuilder {
  private readonly anchors = new Map<string, Anchored | 'open'>();
  private nodes = 0;
  private text = 0;
  private aliased = { nodes: 0, text: 0 };

  constructor(private readonly source: NamedText) {}

  /** @throws InputError for an alias without anchor, endless or exploding aliases, a wrong tag, a duplicate key */
  build(node: Node): ConfigNode {
    if (isAlias(node)) return this.alias(node.source, node.range?.[0] ?? 0, node.range?.[1] ?? 0);
    const anchor = isScalar(node) || isMap(node) || isSeq(node) ? node.anchor : undefined;
    const before = { nodes: this.nodes, text: this.text };
    if (anchor !== undefined) this.anchors.set(anchor, 'open');
    this.nodes++;
    const built = isMap(node) ? this.mapping(node) : isSeq(node) ? this.sequence(node) : this.scalar(node);
    if (anchor !== undefined) {
      this.anchors.set(anchor, { node: built, nodes: this.nodes - before.nodes, text: this.text - before.text });
    }
    return built;
  }

  private alias(name: string, offset: number, end: number): ConfigNode {
    const target = this.anchors.get(name);
    if (target === undefined) {
      throw this.fault(
        offset,
        `the alias *${name} has no anchor &${name} before it`,
        'YAML_BAD_ALIAS',
        `Quote the text if it is no alias, or define &${name} earlier.`,
      );
    }
    if (target === 'open') {
      throw this.fault(
        offset,
        `the anchor &${name} contains itself`,
        'YAML_BOMB',
        'Write the value out, without the alias.',
      );
    }
    this.nodes += target.nodes;
    this.text += target.text;
    this.aliased.nodes += target.nodes;
    this.aliased.text += target.text;
    if (this.aliased.nodes > MAX_ALIASED_NODES || this.aliased.text > MAX_ALIASED_TEXT) {
      throw this.fault(
        offset,
        'the aliases of this document multiply without bounds',
        'YAML_BOMB',
        'Write the repeated values out, or use fewer aliases of aliases.',
      );
    }
    return { ...target.node, start: offset, end, alias: true };
  }

  private scalar(node: Scalar): ScalarNode {
    const [start, end] = spanOf(node);
    const text = node.source ?? '';
    const style = STYLES[node.type ?? 'PLAIN'] ?? 'plain';
    this.text += text.length;
    const built: ScalarNode = {
      kind: 'scalar',
      start,
      end: style === 'literal' || style === 'folded' ? this.blockScalarEnd(start, end) : end,
      text,
      style,
      ...(node.tag === undefined ? {} : { tag: node.tag }),
    };
    if (!tagFits(built)) {
      throw this.fault(
        start,
        `${JSON.stringify(text)} is not of the type that its tag says`,
        'YAML_TAG_RESOLVE_FAILED',
        'Delete the tag, or correct the value.',
      );
    }
    return built;
  }

  /** Without the last line break, and without the empty lines behind it, unless `+` in the header keeps them. */
  private blockScalarEnd(start: number, end: number): number {
    const { text } = this.source;
    const header = text.slice(start, start + 3);
    if (/^[|>][0-9]?\+/.test(header)) return text[end - 1] === '\n' ? end - (text[end - 2] === '\r' ? 2 : 1) : end;
    let last = end;
    while (last > start && ' \t\r\n'.includes(text[last - 1] ?? '')) last--;
    return last;
  }

  private sequence(node: YAMLSeq): SequenceNode {
    const [start, end] = spanOf(node);
    const items = node.items.map((item) => this.build(item as Node));
    const flow = node.flow === true;
    return { kind: 'sequence', start, end: flow ? end : (items.at(-1)?.end ?? end), flow, items };
  }

  private mapping(node: YAMLMap): MappingNode {
    const [start, end] = spanOf(node);
    const entries: MappingEntry[] = [];
    const byKey = new Map<string, MappingEntry>();
    const own = new Map<string, MappingEntry>();
    const flow = node.flow === true;
    let lastPairEnd = start;
    const add = (entry: MappingEntry): void => {
      entries.push(entry);
      byKey.set(entry.key, entry);
    };
    for (const pair of node.items) {
      const entry = this.entry(pair.key as Node, pair.value as Node | null);
      lastPairEnd = Math.max(entry.colonEnd, entry.value.end);
      if (entry.key === '<<' && isScalar(pair.key) && pair.key.type === 'PLAIN') {
        for (const merged of this.merged(entry)) add(merged);
        continue;
      }
      const earlier = own.get(entry.key);
      if (earlier !== undefined) throw this.duplicate(earlier, entry);
      own.set(entry.key, entry);
      add(entry);
    }
    return { kind: 'mapping', start, end: flow ? end : lastPairEnd, lastPairEnd, flow, entries, byKey };
  }

  private entry(key: Node, value: Node | null): MappingEntry {
    const [keyStart, keyEnd] = spanOf(key);
    const built = this.build(key);
    if (built.kind !== 'scalar') {
      throw this.fault(
        keyStart,
        'a key cannot be a list or a mapping',
        'YAML_NON_STRING_KEY',
        'Write a plain key; quote it if it begins with [ or {.',
      );
    }
    const colonEnd = this.colonEnd(keyEnd);
    const empty = value === null || (isScalar(value) && value.source === '' && value.type === 'PLAIN');
    return {
      key: built.text.replaceAll('-', '_'),
      spelling: built.text,
      keyStart,
      keyEnd,
      colonEnd,
      value: empty && value?.tag === undefined ? this.nothing(colonEnd, value) : this.build(value),
      merged: false,
    };
  }

  /** The value of `key:` with nothing behind it. */
  private nothing(at: number, value: Node | null): ScalarNode {
    this.nodes++;
    const node: ScalarNode = { kind: 'scalar', start: at, end: at, text: '', style: 'plain' };
    if (isScalar(value) && value.anchor !== undefined) this.anchors.set(value.anchor, { node, nodes: 1, text: 0 });
    return node;
  }

  private colonEnd(keyEnd: number): number {
    const { text } = this.source;
    let at = keyEnd;
    while (' \t\r\n'.includes(text[at] ?? '-')) at++;
    return text[at] === ':' ? at + 1 : keyEnd;
  }

  /** The entries a merge key brings; of several maps the first named counts most, so it comes last. */
  private merged(entry: MappingEntry): MappingEntry[] {
    const maps = entry.value.kind === 'sequence' ? [...entry.value.items].reverse() : [entry.value];
    return maps.flatMap((map) => {
      if (map.kind !== 'mapping') {
        throw this.fault(
          entry.keyStart,
          'the merge key << needs a mapping, or a list of mappings',
          'YAML_MERGE',
          'Name the anchor of a mapping: "<<: *name".',
        );
      }
      return map.entries.map((each) => ({ ...each, merged: true }));
    });
  }

  private duplicate(earlier: MappingEntry, entry: MappingEntry): Error {
    const spelling =
      earlier.spelling === entry.spelling
        ? ''
        : ` (spelled ${JSON.stringify(earlier.spelling)}; - and _ mean the same)`;
    const { line } = positionIn(lineStartsOf(this.source.text), earlier.keyStart);
    return this.fault(
      entry.keyStart,
      `the key ${JSON.stringify(entry.spelling)} is already given on line ${line}${spelling}`,
      'YAML_DUPLICATE_KEY',
      'Keep one of the two.',
    );
  }

  private fault(offset: number, message: string, code: string, hint: string): Error {
    return problemAt(this.source, offset, message, code, hint);
  }
}

function spanOf(node: Node | null): readonly [start: number, end: number] {
  const range = node?.range;
  return [range?.[0] ?? 0, range?.[1] ?? 0];
}
