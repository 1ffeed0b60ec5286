import { withoutSecrets } from './mask.js';

const CONTEXT = 2;
const WIDTH = 120;
/** Lines of a private key, at most: of RSA with 16,384 bits. */
const LONGEST_KEY = 250;

/**
 * The source lines around a place, numbered, with a caret below the column: two lines before it, two after it. Very
 * long lines are cut to a window around the column, so that a frame always fits a terminal. Secrets are hidden: frames are
 * in errors, and so in logs.
 *
 * @param line counts from 1
 * @param column counts from 1
 */
export function codeFrame(text: string, line: number, column: number): string {
  const first = Math.max(1, line - CONTEXT);
  const lines = hideSecrets(text, first, linesOf(text, first, line + CONTEXT));
  const cut = column <= WIDTH ? 0 : column - WIDTH + 20;
  const gutter = String(first + lines.length - 1).length;
  return lines
    .flatMap((source, index) => {
      const number = first + index;
      const shown = source.slice(cut, cut + WIDTH);
      const row = `${number === line ? '>' : ' '} ${String(number).padStart(gutter)} | ${shown}`.trimEnd();
      return number === line ? [row, `  ${' '.repeat(gutter)} | ${caretIndent(shown, column - cut)}^`] : [row];
    })
    .join('\n');
}

/** The same lines without secrets. The first of them may be inside of a key that begins further up. */
function hideSecrets(text: string, first: number, lines: readonly string[]): string[] {
  const above = linesOf(text, Math.max(1, first - LONGEST_KEY), first - 1);
  const begin = above.findLastIndex((source) => source.includes('-----BEGIN '));
  const whole = [...(begin < 0 ? [] : above.slice(begin)), ...lines];
  return withoutSecrets(whole.join('\n')).split('\n').slice(-lines.length);
}

/** Lines `from` to `to` (from 1, both included), without splitting the whole text: it can have megabytes. */
function linesOf(text: string, from: number, to: number): string[] {
  const lines: string[] = [];
  let start = 0;
  for (let number = 1; number <= to; number++) {
    const end = text.indexOf('\n', start);
    if (number >= from) lines.push(text.slice(start, end < 0 ? undefined : end).replace(/\r$/, ''));
    if (end < 0) break;
    start = end + 1;
  }
  return lines;
}

/** White space as wide as what stands before the column; tabs stay tabs so that the caret lines up. */
function caretIndent(shown: string, column: number): string {
  return shown
    .slice(0, Math.max(0, column - 1))
    .replace(/[^\t]/g, ' ')
    .padEnd(Math.min(column, WIDTH) - 1);
}
