import * as z from 'zod';

/**
 * Schema building blocks whose rule can be said in words. `allowed` completes the sentence "it must be …"; error
 * messages and the reference page both use it.
 */
export function text(allowed: string, pattern: RegExp, maximum?: number): z.ZodString {
  const schema = z.string().regex(pattern);
  return (maximum === undefined ? schema : schema.max(maximum)).meta({ allowed });
}

/** Text that passes a test which no readable regular expression can express. */
export function checkedText(allowed: string, passes: (value: string) => boolean): z.ZodString {
  return z.string().refine(passes).meta({ allowed });
}

/** A whole number within bounds, both included. */
export function wholeNumber(minimum: number, maximum: number): z.ZodInt {
  return z.int().min(minimum).max(maximum);
}

/** A path relative to config.ts, or absolute, or below `~/`. */
export const path = () => text('a path, relative to the config file', /^[^\0]*[^\0\s][^\0]*$/);
