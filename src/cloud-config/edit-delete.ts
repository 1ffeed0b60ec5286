import type { Splice } from './edit.js';
import type { EditLayout } from './edit-layout.js';
import type { MappingEntry, MappingNode } from './nodes.js';

/**
 * The splices that take entries out of a mapping. One that is left without any becomes `{}`, since a key with nothing
 * behind it would be null, and no mapping.
 *
 * @param owner the entry whose value the mapping is; null where nothing must be written instead
 */
export function deletions(
  layout: EditLayout,
  mapping: MappingNode,
  gone: ReadonlySet<MappingEntry>,
  owner: MappingEntry | null,
): Splice[] {
  if (mapping.flow) return flowDeletions(mapping, gone);
  const splices = [...gone].map((entry) => lines(layout, entry));
  if (owner !== null && isEmptied(mapping, gone)) {
    splices.push({ start: owner.colonEnd, end: owner.colonEnd, text: ' {}' });
  }
  return splices;
}

/** No entry is left, and no merge key (those are no entries) stands before or behind them. */
function isEmptied({ entries, start, lastPairEnd }: MappingNode, gone: ReadonlySet<MappingEntry>): boolean {
  const first = entries[0];
  const last = entries.at(-1);
  if (first === undefined || last === undefined || !entries.every((entry) => gone.has(entry))) return false;
  return first.keyStart === start && Math.max(last.colonEnd, last.value.end) === lastPairEnd;
}

/** From the start of the key's line to the end of its value's last line. */
function lines(layout: EditLayout, entry: MappingEntry): Splice {
  const end = Math.max(entry.colonEnd, entry.value.end);
  return { start: layout.lineStart(entry.keyStart), end: layout.nextLine(end), text: '' };
}

/** `{a: 1, b: 2, c: 3}`: with the comma behind, or for the last ones with the comma before. */
function flowDeletions(mapping: MappingNode, gone: ReadonlySet<MappingEntry>): Splice[] {
  const own = mapping.entries.filter(({ merged }) => !merged);
  const lastKept = own.findLastIndex((entry) => !gone.has(entry));
  const splices = own.flatMap((entry, index): Splice[] => {
    const next = own[index + 1];
    return index < lastKept && gone.has(entry) && next !== undefined
      ? [{ start: entry.keyStart, end: next.keyStart, text: '' }]
      : [];
  });
  const kept = own[lastKept];
  const last = own.at(-1);
  if (lastKept < own.length - 1 && last !== undefined) {
    const start = kept === undefined ? (own[0]?.keyStart ?? 0) : Math.max(kept.colonEnd, kept.value.end);
    splices.push({ start, end: Math.max(last.colonEnd, last.value.end), text: '' });
  }
  return splices;
}
