import { InputError } from '../util/errors.js';
import { emitScalar } from './emit-scalar.js';
import { EditLayout, type InsertionPlace, type NewKeys, type NewValue } from './edit-layout.js';
import { deletions } from './edit-delete.js';
import type { CloudConfigDocument, ConfigNode, MappingEntry, MappingNode } from './nodes.js';
import { parseCloudConfig } from './parse.js';
import { problemAt } from './problem.js';
import { meansTheSame, typeAt } from './edit-meaning.js';

/**
 * One change: the scalar at a path of keys (`-` and `_` are the same), or null to delete the key with its lines. A number
 * in the path leads to that entry of a list (from 0); nothing is ever added to lists.
 */
export interface Edit {
  readonly path: readonly string[];
  readonly value: string | null;
}

/** Replaces the text from `start` to `end`. */
export interface Splice {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export interface CloudConfigEditor {
  /**
   * The text with the edits made; comments, key order, quotes, line ends and everything else stay byte for byte, and a
   * value that already means the same is not touched.
   *
   * @throws InputError where a path leads through something that is no mapping, or through an alias
   */
  render(edits: readonly Edit[]): string;
}

/**
 * Prepares a user's cloud-config for surgical edits: it is parsed once, then each `render` only splices.
 *
 * @throws InputError as parseCloudConfig
 */
export function editCloudConfig(text: string, file: string): CloudConfigEditor {
  const document = parseCloudConfig({ file, text });
  const layout = new EditLayout(document);
  return {
    render: (edits) => applySplices(document.text, new EditPlan(document, layout, edits).splices()),
  };
}

function applySplices(text: string, splices: readonly Splice[]): string {
  let result = '';
  let at = 0;
  for (const splice of splices.toSorted((a, b) => a.start - b.start || a.end - b.end)) {
    result += text.slice(at, splice.start) + splice.text;
    at = splice.end;
  }
  return result + text.slice(at);
}

/** Where a path leads. */
interface Place {
  readonly container: InsertionPlace;
  /** The entry at the end of the path, if there is one. */
  readonly entry?: MappingEntry;
  /** The entry whose value the container is. */
  readonly owner: MappingEntry | null;
  /** How many names of the path lie before the container's keys. */
  readonly depth: number;
  readonly flow: boolean;
  readonly anchored: boolean;
}

/** Sorts the edits of one render by what they do to the document. */
class EditPlan {
  private readonly replaced: Splice[] = [];
  private readonly inserted = new Map<InsertionPlace, { readonly keys: NewKeys; readonly flow: boolean }>();
  private readonly deleted = new Map<MappingNode, { entries: Set<MappingEntry>; owner: MappingEntry | null }>();

  constructor(
    private readonly document: CloudConfigDocument,
    private readonly layout: EditLayout,
    edits: readonly Edit[],
  ) {
    for (const edit of lastOfEachPath(edits)) this.add(edit);
  }

  splices(): Splice[] {
    return [
      ...this.replaced,
      ...[...this.deleted].flatMap(([mapping, { entries, owner }]) => {
        const refilled = this.inserted.has(mapping);
        return deletions(this.layout, mapping, entries, refilled ? null : owner);
      }),
      ...[...this.inserted].map(([where, { keys, flow }]) =>
        this.layout.insertion(where, keys, flow, this.deletedFrom(where)),
      ),
    ];
  }

  private deletedFrom(where: InsertionPlace): ReadonlySet<MappingEntry> {
    const deleted = where !== null && 'kind' in where ? this.deleted.get(where)?.entries : undefined;
    return deleted ?? new Set();
  }

  private add({ path, value }: Edit): void {
    const place = this.find(path, value === null);
    if (place === undefined) return;
    const { container, entry, owner, depth, flow, anchored } = place;
    if (entry !== undefined && value !== null) this.replace(entry, path, value, flow, anchored);
    else if (entry !== undefined) this.delete(container as MappingNode, entry, owner, anchored);
    else if (value !== null) this.insert(container, path, depth, value, flow, anchored);
  }

  /** How far a path leads; undefined where it ends at a value that is no mapping and nothing is to be set. */
  private find(path: readonly string[], deleting: boolean): Place | undefined {
    let container: InsertionPlace = this.document.root;
    let owner: MappingEntry | null = null;
    let flow = false;
    let anchored = false;
    let list: readonly ConfigNode[] | undefined;
    for (const [depth, name] of path.entries()) {
      if (list !== undefined) {
        const item = list[Number(name)];
        if (item?.kind !== 'mapping' || item.alias === true) return undefined;
        container = item;
        list = undefined;
        continue;
      }
      if (container === null || !('kind' in container)) return { container, owner, depth, flow, anchored };
      flow = container.flow;
      const entry = ownEntry(container, name);
      if (entry === undefined) return { container, owner, depth, flow, anchored };
      anchored ||= this.hasAnchor(entry);
      if (depth === path.length - 1) return { container, entry, owner, depth, flow, anchored };
      const { value } = entry;
      if (isNothing(value)) {
        container = entry;
      } else if (value.kind === 'mapping' && value.alias !== true) {
        container = value;
      } else if (value.kind === 'sequence' && value.alias !== true && /^\d+$/.test(path[depth + 1] ?? '')) {
        list = value.items;
      } else if (deleting && value.kind !== 'mapping') {
        return undefined;
      } else {
        throw this.unreachable(entry, path.slice(0, depth + 1), value);
      }
      owner = entry;
    }
    return undefined;
  }

  private replace(entry: MappingEntry, path: readonly string[], value: string, flow: boolean, anchored: boolean): void {
    const old = entry.value;
    const type = typeAt(path);
    if (meansTheSame(old, value, type)) return;
    this.refuseAnchored(anchored, entry.keyStart);
    const text = emitScalar(value, { type, flow, ...(old.kind === 'scalar' ? { style: old.style } : {}) });
    const inPlace = old.kind === 'scalar' && old.tag === undefined && old.end > old.start;
    this.replaced.push(
      inPlace
        ? { start: old.start, end: old.end, text }
        : {
            start: entry.colonEnd,
            end: Math.max(entry.colonEnd, old.end),
            text: `${this.layout.colon(entry)} ${text}`,
          },
    );
  }

  private delete(mapping: MappingNode, entry: MappingEntry, owner: MappingEntry | null, anchored: boolean): void {
    this.refuseAnchored(anchored, entry.keyStart);
    const of = this.deleted.get(mapping) ?? { entries: new Set(), owner };
    of.entries.add(entry);
    this.deleted.set(mapping, of);
  }

  private insert(
    where: InsertionPlace,
    path: readonly string[],
    depth: number,
    value: string,
    flow: boolean,
    anchored: boolean,
  ): void {
    if (where !== null) this.refuseAnchored(anchored, 'kind' in where ? where.lastPairEnd : where.keyStart);
    const place = this.inserted.get(where) ?? { keys: new Map<string, NewValue | NewKeys>(), flow };
    this.inserted.set(where, place);
    let level: NewKeys = place.keys;
    const names = path.slice(depth).map((name) => name.replaceAll('_', '-'));
    for (const name of names.slice(0, -1)) {
      const next = level.get(name);
      const deeper: NewKeys = next instanceof Map ? next : new Map<string, NewValue | NewKeys>();
      level.set(name, deeper);
      level = deeper;
    }
    level.set(names.at(-1) ?? '', { value, type: typeAt(path) });
  }

  private hasAnchor({ colonEnd, value }: MappingEntry): boolean {
    return value.alias !== true && /(?:^|\s)&/.test(this.document.text.slice(colonEnd, value.start));
  }

  /** An anchor's value is repeated wherever its alias stands: changing it here would change it there. */
  private refuseAnchored(anchored: boolean, offset: number): void {
    if (!anchored) return;
    throw problemAt(
      this.document,
      offset,
      'this value has an anchor (&), so changing it here would change it elsewhere too',
      'EDIT_ANCHOR',
      'Write the value out where it is needed, without anchor and alias.',
    );
  }

  private unreachable(entry: MappingEntry, path: readonly string[], found: ConfigNode): InputError {
    const what = found.alias === true ? 'an alias' : found.kind === 'sequence' ? 'a list' : 'a text';
    return problemAt(
      this.document,
      found.start,
      `${path.join('.')} must be a mapping that keys can be added to; found ${what}`,
      'EDIT_SHAPE',
      found.alias === true
        ? 'Write the mapping out instead of using the alias.'
        : `Write "${entry.spelling}:" and indent its keys below.`,
    );
  }
}

function ownEntry(mapping: MappingNode, name: string): MappingEntry | undefined {
  const entry = mapping.byKey.get(name.replaceAll('-', '_'));
  return entry?.merged === true ? undefined : entry;
}

const isNothing = (node: ConfigNode): boolean =>
  node.kind === 'scalar' && node.style === 'plain' && ['', '~', 'null', 'Null', 'NULL'].includes(node.text);

function lastOfEachPath(edits: readonly Edit[]): Edit[] {
  const byPath = new Map<string, Edit>();
  for (const edit of edits) byPath.set(edit.path.join('\u0000').replaceAll('-', '_'), edit);
  return [...byPath.values()];
}
