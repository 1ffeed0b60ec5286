import { Ansis } from 'ansis';
import { CoreupError, InputError } from '../util/errors.js';

/**
 * An error as a person reads it: what happened and where, the place in the file, what to do next. A stack trace only
 * where asked for, or where the error is a fault of this program.
 */
export function errorText(error: Error, options: { color: boolean; verbose: boolean }): string {
  const color = new Ansis(options.color && process.stderr.isTTY && !process.env['NO_COLOR'] ? 3 : 0);
  const known = error instanceof CoreupError ? error : undefined;
  const usage = 'oclif' in error;
  const lines = [`${color.red('Error:')} ${where(error)}${error.message}`];
  if (error instanceof InputError && error.frame) lines.push('', error.frame, '');
  if (known?.hint) lines.push(...known.hint.split('\n').map((line) => `${color.cyan('→')} ${line}`));
  if (!known && !usage) lines.push('This is a fault in coreup itself. Run it again with -v for the stack trace.');
  if (options.verbose && error.stack) lines.push('', color.dim(error.stack));
  return `${lines.join('\n')}\n`;
}

/** The same for programs. */
export function errorJson(error: Error): unknown {
  const known = error instanceof CoreupError ? error : undefined;
  return {
    ok: false,
    error: {
      code: known?.code ?? ('oclif' in error ? 'USAGE' : 'INTERNAL'),
      message: error.message,
      ...(known?.hint === undefined ? {} : { hint: known.hint }),
      ...(known?.member === undefined ? {} : { member: known.member }),
      ...(error instanceof InputError && error.location ? { location: error.location } : {}),
    },
  };
}

function where(error: Error): string {
  const location = error instanceof InputError ? error.location : undefined;
  if (!location || location.line === undefined || error.message.includes(`${location.file}:${location.line}`))
    return '';
  const column = location.column === undefined ? '' : `:${location.column}`;
  return `${location.file}:${location.line}${column}: `;
}
