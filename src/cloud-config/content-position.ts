import type { CloudConfigDocument, ConfigNode } from './nodes.js';

/**
 * The offset in the document of a place in a scalar's text. Only a literal block (`|`) keeps its lines; for every other
 * scalar it is where the value starts.
 *
 * @param line counts from 1, in the text of the scalar
 * @param column counts from 1
 */
export function offsetInContent(document: CloudConfigDocument, node: ConfigNode, line: number, column: number): number {
  if (node.kind !== 'scalar' || node.style !== 'literal' || node.alias === true) return node.start;
  const { text } = document;
  let start = node.start;
  for (let skipped = 0; skipped < line; skipped++) {
    const end = text.indexOf('\n', start);
    if (end < 0) return node.start;
    start = end + 1;
  }
  const offset = start + indentOf(text, node) + column - 1;
  return offset < node.end ? offset : node.start;
}

/** How far a block is indented: its first line with text, compared with the same line of the scalar. */
function indentOf(text: string, node: ConfigNode & { kind: 'scalar' }): number {
  const inSource = /\n( *)[^ \r\n]/.exec(text.slice(node.start, node.end))?.[1]?.length ?? 0;
  const inValue = /(?:^|\n)( *)[^ \r\n]/.exec(node.text)?.[1]?.length ?? 0;
  return inSource - inValue;
}
