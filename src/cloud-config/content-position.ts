import { lineStartsOf } from './lines.js';
import type { CloudConfigDocument, ConfigNode } from './nodes.js';

/**
 * Finds the offset in the document of places in a scalar's text, given by line and column, both from 1. Only a literal
 * block (`|`) keeps its lines; for every other scalar it is where the value starts.
 */
export function offsetsInContent(
  { text }: CloudConfigDocument,
  node: ConfigNode,
): (line: number, column: number) => number {
  if (node.kind !== 'scalar' || node.style !== 'literal' || node.alias === true) return () => node.start;
  // The header of the block is the first of these lines.
  const starts = lineStartsOf(text.slice(node.start, node.end));
  const indent = indentOf(text, node);
  return (line, column) => {
    const offset = node.start + (starts[line] ?? Infinity) + indent + column - 1;
    return offset < node.end ? offset : node.start;
  };
}

/** How far a block is indented: its first line with text, compared with the same line of the scalar. */
function indentOf(text: string, node: ConfigNode & { kind: 'scalar' }): number {
  const inSource = /\n( *)[^ \r\n]/.exec(text.slice(node.start, node.end))?.[1]?.length ?? 0;
  const inValue = /(?:^|\n)( *)[^ \r\n]/.exec(node.text)?.[1]?.length ?? 0;
  return inSource - inValue;
}
