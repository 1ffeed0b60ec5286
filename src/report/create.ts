import { hasColors } from './color.js';
import { PlainReporter } from './plain.js';
import type { Reporter } from './port.js';

export interface ReportOptions {
  readonly verbose: boolean;
  /** False with `--no-color`. */
  readonly color: boolean;
}

/** Live progress where a person watches, plain lines elsewhere (a pipe, `CI`, `TERM=dumb`). */
export async function createReporter(options: ReportOptions): Promise<Reporter> {
  const { CI, TERM } = process.env;
  const live = process.stderr.isTTY && (CI === undefined || CI === '' || CI === 'false') && TERM !== 'dumb';
  if (!live) return new PlainReporter(process.stderr, options.verbose);
  const { TerminalReporter } = await import('./terminal.js');
  return new TerminalReporter(process.stderr, options.verbose, hasColors(options.color, process.stderr, process.env));
}
