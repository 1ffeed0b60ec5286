import * as z from 'zod';
import type { KeyPath } from './key-path.js';

/** Takes off what a schema is wrapped in: optional, default. */
export function unwrap(schema: z.ZodType): z.ZodType {
  let inner = schema;
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault) {
    inner = inner.unwrap() as z.ZodType;
  }
  return inner;
}

/** What a schema allows, in words that complete "it must be …". */
export function allowed(schema: z.ZodType): string {
  const inner = unwrap(schema);
  const said = inner.meta()?.['allowed'];
  if (typeof said === 'string') return said;
  if (inner instanceof z.ZodNumber) return numberWords(inner);
  if (inner instanceof z.ZodString) return 'text';
  const choices = choicesOf(inner);
  if (choices) return either(choices);
  if (inner instanceof z.ZodDiscriminatedUnion) {
    return `an object with ${inner.def.discriminator}: ${either(discriminators(inner).map(literal))}`;
  }
  if (inner instanceof z.ZodUnion) {
    const options = inner.options as readonly z.ZodType[];
    return either(options.flatMap((option) => choicesOf(option) ?? [allowed(option)]));
  }
  if (inner instanceof z.ZodArray) return `a list of ${plural(inner.element as z.ZodType)}`;
  if (inner instanceof z.ZodRecord) return `an object whose values are each ${allowed(inner.valueType as z.ZodType)}`;
  if (inner instanceof z.ZodObject) return `an object { ${keyList(inner)} }`;
  return 'something else';
}

/** The values that a schema allows, where they can be counted, as one would write them in the config. */
export function choicesOf(schema: z.ZodType): readonly string[] | undefined {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodBoolean) return ['true', 'false'];
  if (inner instanceof z.ZodEnum) return inner.options.map(literal);
  return inner instanceof z.ZodLiteral ? [...inner.values].map(literal) : undefined;
}

/** What the keys of a record may be, in words; undefined for other schemas. */
export function allowedKeys(schema: z.ZodType): string | undefined {
  const inner = unwrap(schema);
  return inner instanceof z.ZodRecord ? allowed(inner.keyType as z.ZodType) : undefined;
}

/**
 * The schema of the value at a path. Where a union leaves it open, the value itself decides.
 *
 * @returns undefined where the schema knows no such place
 */
export function schemaAt(schema: z.ZodType, path: KeyPath, value: unknown): z.ZodType | undefined {
  const inner = objectOf(unwrap(schema), value);
  const [key, ...rest] = path;
  if (key === undefined) return schema;
  const next = stepInto(inner, key);
  return next && schemaAt(next, rest, isObject(value) ? value[key] : undefined);
}

/** The keys that may stand in the object at a path. */
export function knownKeys(schema: z.ZodType, path: KeyPath, value: unknown): readonly string[] {
  const found = schemaAt(schema, path, value);
  const inner =
    found &&
    objectOf(
      unwrap(found),
      path.reduce<unknown>((v, k) => (isObject(v) ? v[k] : undefined), value),
    );
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
}

/** The values that tell the options of a union apart, in order. */
export function discriminators(union: z.ZodDiscriminatedUnion): readonly string[] {
  return union.options.flatMap((option) => [...discriminatorOf(union, option as z.ZodObject)]).map(String);
}

/** The option of a union that a value means; other schemas as they are. */
function objectOf(schema: z.ZodType, value: unknown): z.ZodType {
  if (schema instanceof z.ZodDiscriminatedUnion) {
    const wanted = isObject(value) ? value[schema.def.discriminator] : undefined;
    const options = schema.options as readonly z.ZodObject[];
    return options.find((option) => discriminatorOf(schema, option).has(wanted)) ?? schema;
  }
  if (schema instanceof z.ZodUnion && isObject(value)) {
    return (schema.options as readonly z.ZodType[]).find((option) => option instanceof z.ZodObject) ?? schema;
  }
  return schema;
}

function discriminatorOf(union: z.ZodDiscriminatedUnion, option: z.ZodObject): ReadonlySet<unknown> {
  const field: unknown = option.shape[union.def.discriminator];
  return field instanceof z.ZodLiteral ? field.values : new Set();
}

function stepInto(schema: z.ZodType, key: string | number): z.ZodType | undefined {
  if (schema instanceof z.ZodObject) return schema.shape[key] as z.ZodType | undefined;
  if (schema instanceof z.ZodRecord) return schema.valueType as z.ZodType;
  if (schema instanceof z.ZodArray) return schema.element as z.ZodType;
  // None of the options was meant: what tells them apart is what is wrong.
  if (schema instanceof z.ZodDiscriminatedUnion && key === schema.def.discriminator)
    return z.enum(discriminators(schema));
  return undefined;
}

function numberWords(schema: z.ZodNumber): string {
  const kind = schema.format?.includes('int') ? 'a whole number' : 'a number';
  const { minValue, maxValue } = schema;
  if (minValue === null || minValue <= Number.MIN_SAFE_INTEGER) return kind;
  if (maxValue === null || maxValue >= 2 ** 31 - 1) return `${kind}, ${minValue} or more`;
  return `${kind} from ${minValue} to ${maxValue}`;
}

function plural(element: z.ZodType): string {
  const inner = unwrap(element);
  return inner instanceof z.ZodObject ? `objects { ${keyList(inner)} }` : `which each is ${allowed(inner)}`;
}

function keyList(schema: z.ZodObject): string {
  const keys = Object.entries(schema.shape as z.ZodRawShape as Record<string, z.ZodType>).map(([key, value]) =>
    value.safeParse(undefined).success ? `${key}?` : key,
  );
  return keys.length <= 10 ? keys.join(', ') : `${keys.slice(0, 9).join(', ')} …`;
}

/** `a`, `a or b`, `a, b or c`. */
export function either(options: readonly string[]): string {
  if (options.length < 2) return options.join('');
  return `${options.slice(0, -1).join(', ')} or ${options.at(-1)}`;
}

function literal(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}

function isObject(value: unknown): value is Record<string | number, unknown> {
  return typeof value === 'object' && value !== null;
}
