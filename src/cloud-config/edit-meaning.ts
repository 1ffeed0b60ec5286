import type { EmitOptions } from './emit-scalar.js';
import type { ConfigNode } from './nodes.js';
import { resolve, stringOf } from './scalars.js';
import { DROP_IN_SECTIONS } from './sections.js';

type ValueType = EmitOptions['type'];

/** Whether a node already has a value, as coreos-cloudinit reads keys of this type. */
export function meansTheSame(node: ConfigNode, value: string, type: ValueType): boolean {
  if (node.kind !== 'scalar') return false;
  if (type === 'string') return stringOf(node) === value && !(value === '' && node.style === 'plain');
  const present = resolve(node);
  const wanted = resolve({ kind: 'scalar', start: 0, end: 0, text: value, style: 'plain' });
  return present.type === wanted.type && 'value' in present && 'value' in wanted && present.value === wanted.value;
}

/** What the key at a path is read as; everything that is not a typed setting of a section is text. */
export function typeAt(path: readonly string[]): ValueType {
  const [coreos, section, key] = path;
  if (coreos !== 'coreos' || path.length !== 3) return 'string';
  return TYPES.get(`${section ?? ''}.${(key ?? '').replaceAll('-', '_')}`) ?? 'string';
}

const TYPES: ReadonlyMap<string, ValueType> = new Map(
  DROP_IN_SECTIONS.flatMap(({ section, settings }) =>
    settings.map(({ key, type }) => [`${section}.${key}`, type] as const),
  ),
);
