import type { ConfigNode } from '../../../src/cloud-config/nodes.js';

/** How often a property is tried; COREUP_FUZZ_RUNS raises it for the long run. */
export function runs(few: number): number {
  return Number(process.env['COREUP_FUZZ_RUNS'] ?? few);
}

/** A node without places: what a document says, as plain data. */
export function plain(node: ConfigNode | null): unknown {
  switch (node?.kind) {
    case undefined:
      return null;
    case 'scalar':
      return node.text;
    case 'sequence':
      return node.items.map(plain);
    case 'mapping':
      return Object.fromEntries([...node.byKey].map(([key, { value }]) => [key, plain(value)]));
  }
}
