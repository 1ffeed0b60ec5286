/** How a scalar is written; only plain ones are resolved to booleans, numbers and null. */
export type ScalarStyle = 'plain' | 'single' | 'double' | 'literal' | 'folded';

interface Spanned {
  /** Offset of the first character of the value itself (for a block scalar, of its `|` or `>`). */
  readonly start: number;
  /** Offset behind the value's last character that counts: no line break or comment that follows. */
  readonly end: number;
  /** It was written as an alias: `start` and `end` are the alias's, what is inside lies at the anchor. */
  readonly alias?: true;
}

export interface ScalarNode extends Spanned {
  readonly kind: 'scalar';
  /** The text as written, unescaped and unfolded but not resolved: `off`, `0644` and `12:30` stay what they are. */
  readonly text: string;
  readonly style: ScalarStyle;
  /** An explicit tag, in its long form. */
  readonly tag?: string;
}

export interface SequenceNode extends Spanned {
  readonly kind: 'sequence';
  readonly flow: boolean;
  readonly items: readonly ConfigNode[];
}

export interface MappingEntry {
  /** The key with `_` for `-`: both mean the same, and everything else in coreup asks for `_`. */
  readonly key: string;
  /** As the document spells it. */
  readonly spelling: string;
  readonly keyStart: number;
  readonly keyEnd: number;
  /** Offset behind the colon (behind the key, where a flow mapping leaves the colon out). */
  readonly colonEnd: number;
  readonly value: ConfigNode;
  /** It comes from a merge key (`<<`), so its place is where the anchor is. */
  readonly merged: boolean;
}

export interface MappingNode extends Spanned {
  readonly kind: 'mapping';
  readonly flow: boolean;
  /** Offset behind the last pair, a merge included; for a flow mapping that is before the closing brace. */
  readonly lastPairEnd: number;
  readonly entries: readonly MappingEntry[];
  /** By normalised key. Where a merge and an own key meet, the later one counts, as in coreos-cloudinit. */
  readonly byKey: ReadonlyMap<string, MappingEntry>;
}

export type ConfigNode = ScalarNode | SequenceNode | MappingNode;

/** Line and column in a text, both from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A cloud-config, parsed and with the place of every node. */
export interface CloudConfigDocument {
  readonly file: string;
  /** The text that was parsed (unwrapped from gzip, where it was). */
  readonly text: string;
  /** Null for a document without any key. */
  readonly root: MappingNode | null;
  position(offset: number): Position;
}

/** The value of a key of a mapping; undefined where the node is no mapping or has no such key. */
export function childOf(node: ConfigNode | null | undefined, key: string): ConfigNode | undefined {
  return node?.kind === 'mapping' ? node.byKey.get(key)?.value : undefined;
}

/** The items of a sequence; none where the node is no sequence (coreos-cloudinit ignores it then). */
export function itemsOf(node: ConfigNode | null | undefined): readonly ConfigNode[] {
  return node?.kind === 'sequence' ? node.items : [];
}
