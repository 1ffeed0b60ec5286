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
  check: ({ root }) => (root === null ? [] : structureOf(root, CLOUD_CONFIG_SCHEMA, '', root.start)),
};

function structureOf(node: ConfigNode, shape: Shape, path: string, offset: number): Found[] {
  const found = kindOf(node);
  if (!isCompatible(found, shape.kind)) return [wrongType(node, found, shape, path, offset)];
  if (shape.kind === 'list' && node.kind === 'sequence') {
    return node.items.flatMap((item, index) => structureOf(item, shape.of, `${path}[${index}]`, item.start));
  }
  if (shape.kind !== 'struct' || node.kind !== 'mapping') return [];
  return node.entries.flatMap((entry): Found[] => {
    const below = path === '' ? entry.key : `${path}.${entry.key}`;
    const known = shape.fields.get(entry.key);
    if (known === undefined) return [unknownKey(entry, shape, path, below, node.entries.length)];
    const { deprecated } = known;
    const note: Found[] =
      deprecated === undefined
        ? []
        : [
            {
              severity: deprecated.severity,
              offset: entry.keyStart,
              path: below,
              message: `${entry.spelling} is deprecated`,
              hint: `${deprecated.why}.`,
            },
          ];
    return [...note, ...structureOf(entry.value, known.shape, below, entry.keyStart)];
  });
}

type Kind = keyof typeof FOUND | 'struct' | 'list';

function kindOf(node: ConfigNode): Kind {
  if (node.kind === 'scalar') return resolve(node).type;
  return node.kind === 'mapping' ? 'struct' : 'list';
}

/** coreos-cloudinit's isCompatible. */
function isCompatible(found: Kind, wanted: Shape['kind']): boolean {
  if (wanted === 'string') return ['string', 'int', 'float', 'bool'].includes(found);
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
  check: ({ root }) => (root === null ? [] : validityOf(root, CLOUD_CONFIG_SCHEMA, '')),
};

function validityOf(node: ConfigNode, shape: Shape, path: string): Found[] {
  if (shape.kind === 'list') {
    return node.kind === 'sequence'
      ? node.items.flatMap((item, index) => validityOf(item, shape.of, `${path}[${index}]`))
      : [];
  }
  if (shape.kind === 'struct') {
    if (node.kind !== 'mapping') return [];
    return node.entries.flatMap(({ key, value }): Found[] => {
      const known = shape.fields.get(key);
      return known === undefined ? [] : validityOf(value, known.shape, path === '' ? key : `${path}.${key}`);
    });
  }
  const text = stringOf(node);
  if (node.kind !== 'scalar' || shape.valid === undefined || text === '' || shape.valid.pattern.test(text)) return [];
  return [
    {
      severity: 'error',
      offset: node.start,
      path,
      message: `invalid value ${JSON.stringify(text)} for ${path}`,
      hint: `Allowed: ${shape.valid.words}.`,
    },
  ];
}

export const SCHEMA_RULES: readonly ConfigRule[] = [structure, validity];
