import { nearest } from '../util/nearest.js';
import type { Found } from './finding.js';
import type { ConfigNode, MappingEntry } from './nodes.js';
import type { ConfigRule } from './rule.js';
import { resolve, stringOf } from './scalars.js';
import { CLOUD_CONFIG_SCHEMA, type Shape } from './schema.js';

const WANTED: Readonly<Record<Shape['kind'], string>> = {
  struct: 'a mapping',
  list: 'a list',
  string: 'a text',
  int: 'a whole number',
  float: 'a number',
  bool: 'true or false',
};

const FOUND = { null: 'nothing', bool: 'true or false', int: 'a number', float: 'a number', string: 'a text' } as const;

/**
 * Keys and types, as coreos-cloudinit's checkStructure sees them: what is unknown or of the wrong type is ignored when
 * the document is applied, so it is a warning.
 */
const structure: ConfigRule = {
  name: 'structure',
  check: ({ root }) => {
    const found: Found[] = [];
    if (root !== null) checkStructure(root, CLOUD_CONFIG_SCHEMA, '', root.start, found);
    return found;
  },
};

/** Adds to one list: every node of the document passes through here. */
function checkStructure(node: ConfigNode, shape: Shape, path: string, offset: number, found: Found[]): void {
  const kind = kindOf(node);
  if (!isCompatible(kind, shape.kind)) {
    found.push(wrongType(node, kind, shape, path, offset));
  } else if (shape.kind === 'list' && node.kind === 'sequence') {
    for (const [index, item] of node.items.entries()) {
      checkStructure(item, shape.of, `${path}[${index}]`, item.start, found);
    }
  } else if (shape.kind === 'struct' && node.kind === 'mapping') {
    for (const entry of node.entries) checkEntry(entry, node.entries.length, shape, path, found);
  }
}

function checkEntry(
  entry: MappingEntry,
  siblings: number,
  shape: Shape & { kind: 'struct' },
  parent: string,
  found: Found[],
): void {
  const path = parent === '' ? entry.key : `${parent}.${entry.key}`;
  const known = shape.fields.get(entry.key);
  if (known === undefined) {
    found.push(unknownKey(entry, shape, parent, path, siblings));
    return;
  }
  if (known.deprecated !== undefined) {
    found.push({
      severity: known.deprecated.severity,
      offset: entry.keyStart,
      path,
      message: `${entry.spelling} is deprecated`,
      hint: `${known.deprecated.why}.`,
    });
  }
  checkStructure(entry.value, known.shape, path, entry.keyStart, found);
}

type Kind = keyof typeof FOUND | 'struct' | 'list';

function kindOf(node: ConfigNode): Kind {
  if (node.kind === 'scalar') return resolve(node).type;
  return node.kind === 'mapping' ? 'struct' : 'list';
}

/** coreos-cloudinit's isCompatible. */
function isCompatible(found: Kind, wanted: Shape['kind']): boolean {
  if (wanted === 'string') return found === 'string' || found === 'int' || found === 'float' || found === 'bool';
  if (wanted === 'float') return found === 'float' || found === 'int';
  return found === wanted;
}

function wrongType(node: ConfigNode, found: Kind, shape: Shape, path: string, offset: number): Found {
  const what = found === 'struct' ? 'a mapping' : found === 'list' ? 'a list' : FOUND[found];
  const unquoted =
    found === 'string' &&
    node.kind === 'scalar' &&
    shape.kind !== 'list' &&
    isCompatible(resolve({ ...node, style: 'plain' }).type, shape.kind);
  return {
    severity: 'warning',
    offset,
    path,
    message: `incorrect type: ${path} is read as ${WANTED[shape.kind]}; found ${what}, which is ignored`,
    hint:
      found === 'null'
        ? 'Delete the key, or give it a value.'
        : unquoted
          ? 'Leave out the quotes.'
          : shape.kind === 'list'
            ? 'Write a list: each item on its own line behind "- ".'
            : shape.kind === 'struct'
              ? 'Indent its keys below it.'
              : `Write ${WANTED[shape.kind]}.`,
  };
}

/** A mapping of so many keys is no slip of the pen, and looking for what each may mean takes time. */
const MANY_KEYS = 500;

function unknownKey(
  entry: MappingEntry,
  shape: Shape & { kind: 'struct' },
  parent: string,
  path: string,
  siblings: number,
): Found {
  const guess = siblings > MANY_KEYS ? undefined : nearest(entry.key, shape.fields.keys());
  const shown = entry.spelling.includes('-') ? guess?.replaceAll('_', '-') : guess;
  return {
    severity: 'warning',
    offset: entry.keyStart,
    path,
    message: `unrecognized key ${JSON.stringify(entry.spelling)}${parent === '' ? '' : ` in ${parent}`}: it is ignored`,
    hint: shown === undefined ? `Known here: ${[...shape.fields.keys()].join(', ')}.` : `Did you mean ${shown}?`,
  };
}

/** Values outside of what a key allows, as coreos-cloudinit's checkValidity; an empty value is allowed everywhere. */
const validity: ConfigRule = {
  name: 'validity',
  check: ({ root }) => {
    const found: Found[] = [];
    if (root !== null) checkValidity(root, CLOUD_CONFIG_SCHEMA, '', found);
    return found;
  },
};

function checkValidity(node: ConfigNode, shape: Shape, path: string, found: Found[]): void {
  if (shape.kind === 'list') {
    if (node.kind !== 'sequence') return;
    for (const [index, item] of node.items.entries()) checkValidity(item, shape.of, `${path}[${index}]`, found);
  } else if (shape.kind === 'struct') {
    if (node.kind !== 'mapping') return;
    for (const { key, value } of node.entries) {
      const known = shape.fields.get(key);
      if (known !== undefined) checkValidity(value, known.shape, path === '' ? key : `${path}.${key}`, found);
    }
  } else if (shape.valid !== undefined) {
    const text = stringOf(node);
    if (text === '' || shape.valid.pattern.test(text)) return;
    found.push({
      severity: 'error',
      offset: node.start,
      path,
      message: `invalid value ${JSON.stringify(text)} for ${path}`,
      hint: `Allowed: ${shape.valid.words}.`,
    });
  }
}

export const SCHEMA_RULES: readonly ConfigRule[] = [structure, validity];
