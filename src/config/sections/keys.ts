import * as z from 'zod';
import { text, wholeNumber } from '../words.js';

type Kind = 'text' | 'flag' | 'count' | 'number' | readonly [string, ...string[]];
export type KeyTable = Readonly<Record<string, readonly [kind: Kind, meaning: string]>>;

type SchemaOf<K extends Kind> = K extends 'text'
  ? z.ZodString
  : K extends 'flag'
    ? z.ZodBoolean
    : K extends 'count'
      ? z.ZodInt
      : K extends 'number'
        ? z.ZodNumber
        : K extends readonly string[]
          ? z.ZodEnum<{ [V in K[number]]: V }>
          : never;

type ShapeOf<T extends KeyTable> = { [Key in keyof T]: z.ZodOptional<SchemaOf<T[Key][0]>> };

/** The shape of a section whose keys are those of cloud-config: all optional, described by the table. */
export function shapeOf<const T extends KeyTable>(table: T): ShapeOf<T> {
  const entries = Object.entries(table).map(([key, [kind, meaning]]) => [
    key,
    schemaOf(kind).optional().describe(meaning),
  ]);
  return Object.fromEntries(entries) as ShapeOf<T>;
}

function schemaOf(kind: Kind): z.ZodType {
  switch (kind) {
    case 'text':
      // A line break would end the Environment= line of the drop-in that the value goes into.
      return text('text on one line', /^[^\n\r\0]*$/);
    case 'flag':
      return z.boolean();
    case 'count':
      return wholeNumber(0, 2 ** 31 - 1);
    case 'number':
      return z.number().min(0);
    default:
      return z.enum(kind);
  }
}
