import * as z from 'zod';
import { allowed, discriminators, unwrap } from './describe.js';
import { configSchema } from './schema.js';

/** The reference page of config.ts, docs/config.md, as Markdown. Made of the schema alone, so it cannot fall behind. */
export function referencePage(): string {
  return `${[INTRODUCTION, ...section('', configSchema, 2)].join('\n\n')}\n`;
}

const INTRODUCTION = `# config.ts

<!-- Generated from src/config/schema.ts by \`node script/docs.js\`: edit that. -->

A project's \`config.ts\` default-exports \`defineConfig({ … })\` from \`coreup\`, or \`defineConfig(() => ({ … }))\`, or an
async function. Every key has a default except those marked *required*. Keys are in snake_case, as in cloud-config.
Paths are relative to the file. \`config.example.ts\` shows every key in use; \`coreup init\` writes a config to start from.`;

/** A table of an object's keys, followed by a section for each key that has keys of its own. */
function section(path: string, schema: z.ZodObject, level: number): readonly string[] {
  const entries = Object.entries<z.ZodType>(schema.shape);
  const rows = entries.map(
    ([key, value]) => `| \`${key}\` | ${typeOf(key, path, value)} | ${fallback(value)} | ${meaning(value)} |`,
  );
  return [
    ['| key | type | default | meaning |', '|---|---|---|---|', ...rows].join('\n'),
    ...entries.flatMap(([key, value]) => subsection(join(path, key), value, level)),
  ];
}

function subsection(path: string, schema: z.ZodType, level: number): readonly string[] {
  const inner = nested(schema);
  if (!inner) return [];
  const heading = `${'#'.repeat(level)} \`${path}${unwrap(schema) instanceof z.ZodArray ? '[]' : ''}\``;
  const text = [heading, ...(meaning(schema) ? [meaning(schema)] : [])];
  if (inner instanceof z.ZodObject) return [...text, ...section(path, inner, level + 1)];
  const names = discriminators(inner);
  const options = inner.options as readonly z.ZodObject[];
  return [
    ...text,
    ...options.flatMap((option, position) => [
      `${'#'.repeat(level + 1)} \`${path}\` with \`${inner.def.discriminator}: '${names[position]}'\``,
      meaning(option),
      ...section(path, option, level + 2),
    ]),
  ];
}

/** What has keys of its own: an object, the objects of a list, or objects to choose from. */
function nested(schema: z.ZodType): z.ZodObject | z.ZodDiscriminatedUnion | undefined {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodArray) return nested(inner.element as z.ZodType);
  return inner instanceof z.ZodObject || inner instanceof z.ZodDiscriminatedUnion ? inner : undefined;
}

function typeOf(key: string, path: string, schema: z.ZodType): string {
  const inner = nested(schema);
  if (!inner) return cell(allowed(schema));
  const name = `\`${join(path, key)}\``;
  return unwrap(schema) instanceof z.ZodArray ? `a list; see ${name}` : `an object; see ${name}`;
}

function fallback(schema: z.ZodType): string {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    const value = schema.def.defaultValue;
    return value !== null && typeof value === 'object' && Object.keys(value).length === 0 ? '' : code(value);
  }
  return schema.safeParse(undefined).success || schema instanceof z.ZodLiteral ? '' : '*required*';
}

function code(value: unknown): string {
  const spelt = JSON.stringify(value)
    .replace(/"(\w+)":/g, ' $1: ')
    .replaceAll('"', "'")
    .replace(/}$/, ' }');
  return `\`${spelt}\``;
}

function meaning(schema: z.ZodType): string {
  return cell(schema.description ?? '');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}
