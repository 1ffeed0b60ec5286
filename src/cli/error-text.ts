import { painter } from '../report/color.js';
import type { ErrorNote } from '../report/events.js';
import { CoreupError, InputError, messageOf, type Location } from '../util/errors.js';

/**
 * An error as a person reads it: what happened and where, the place in the file, what to do next. A stack trace only
 * where asked for, or where the error is a fault of this program.
 */
export function errorText(error: unknown, options: { color: boolean; verbose: boolean }): string {
  const color = painter(options.color, process.stderr);
  const known = error instanceof CoreupError ? error : undefined;
  const lines = [`${color.red('Error:')} ${where(error)}${messageOf(error)}`];
  if (error instanceof InputError && error.frame) lines.push('', error.frame, '');
  if (known?.hint) lines.push(...known.hint.split('\n').map((line) => `${color.cyan('→')} ${line}`));
  if (!known && !isUsage(error))
    lines.push('This is a fault in coreup itself. Run it again with -v for the stack trace.');
  if (options.verbose) for (const stack of stacksOf(error)) lines.push('', color.dim(stack));
  return `${lines.join('\n')}\n`;
}

/** The same for programs. */
export function errorJson(error: unknown): {
  readonly ok: false;
  readonly error: ErrorNote & { readonly location?: Location };
} {
  const known = error instanceof CoreupError ? error : undefined;
  return {
    ok: false,
    error: {
      code: known?.code ?? (isUsage(error) ? 'USAGE' : 'INTERNAL'),
      message: messageOf(error),
      ...(known?.hint === undefined ? {} : { hint: known.hint }),
      ...(known?.member === undefined ? {} : { member: known.member }),
      ...(error instanceof InputError && error.location ? { location: error.location } : {}),
    },
  };
}

/** oclif's own errors: flags and arguments that it cannot read. */
function isUsage(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'oclif' in error;
}

/** Of the error and of what caused it. */
function stacksOf(error: unknown): readonly string[] {
  const { stack, cause } = (error ?? {}) as { stack?: string; cause?: unknown };
  const below = cause === undefined || cause === error ? [] : stacksOf(cause);
  return [...(stack ? [stack] : []), ...below.map((text) => text.replace(/^(caused by )?/, 'caused by '))];
}

function where(error: unknown): string {
  const location = error instanceof InputError ? error.location : undefined;
  if (!location || location.line === undefined) return '';
  if (messageOf(error).includes(`${location.file}:${location.line}`)) return '';
  const column = location.column === undefined ? '' : `:${location.column}`;
  return `${location.file}:${location.line}${column}: `;
}
