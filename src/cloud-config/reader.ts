import type { Origin } from '../cluster/host-state.js';
import type { InputError } from '../util/errors.js';
import { childOf, type CloudConfigDocument, type ConfigNode } from './nodes.js';
import { problemAt } from './problem.js';
import { boolOf, stringOf, stringsOf } from './scalars.js';

/** Typed reading of a document's keys, as coreos-cloudinit fills its structs: what does not fit counts as absent. */
export class Reader {
  constructor(private readonly document: CloudConfigDocument) {}

  /** Empty where the key is absent, null, a list or a mapping. */
  string(node: ConfigNode | null | undefined, key: string): string {
    return stringOf(childOf(node, key));
  }

  bool(node: ConfigNode | null | undefined, key: string): boolean {
    return boolOf(childOf(node, key));
  }

  strings(node: ConfigNode | null | undefined, key: string): string[] {
    return stringsOf(childOf(node, key));
  }

  /** Where an effect comes from: the key path as a person would write it, and the line of the node. */
  origin(key: string, node: ConfigNode | null | undefined): Origin {
    return node === null || node === undefined ? { key } : { key, line: this.document.position(node.start).line };
  }

  /** The line of a key (rather than of its value, which begins on the next line for a mapping). */
  originOfKey(parent: ConfigNode | null | undefined, name: string, key: string): Origin {
    const entry = parent?.kind === 'mapping' ? parent.byKey.get(name) : undefined;
    return entry === undefined ? { key } : { key, line: this.document.position(entry.keyStart).line };
  }

  problem(node: ConfigNode, message: string, code: string, hint: string): InputError {
    return problemAt(this.document, node.start, message, code, hint);
  }
}
