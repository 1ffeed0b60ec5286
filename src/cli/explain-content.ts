import type { ExplainedFile } from '../actions/explain.js';
import { HIDDEN, reasonToHide, sizeOf, withoutSecrets } from '../util/mask.js';
import { cut, printable } from './printable.js';

const MAX_LINES = 20;
const MAX_WIDTH = 200;

/** The lines that a person is shown of a file: shortened, without secrets, and without what would steer the terminal. */
export function contentLines(file: ExplainedFile): string[] {
  const { content, content_base64: base64, mode } = file;
  if (content === undefined) return [`(binary, ${sizeOf(Buffer.byteLength(base64 ?? '', 'base64'))})`];
  const size = sizeOf(Buffer.byteLength(content));
  const why = reasonToHide(Number.parseInt(mode, 8), content);
  if (why !== undefined) return [`${HIDDEN} ${size}, ${why}; --json shows it`];
  if (content === '') return ['(empty)'];
  const isDropIn = file.key !== '' && file.path.endsWith('.conf');
  const limit = isDropIn ? 10 * MAX_LINES : MAX_LINES;
  const lines = firstLines(content, limit + 1);
  const shown = lines.slice(0, limit).map((line) => `| ${cut(withoutSecrets(printable(line)), MAX_WIDTH)}`);
  return lines.length > limit ? [...shown, `… (${size} in all)`] : shown;
}

/** The first lines of a text that may have megabytes, without the break at its end. */
function firstLines(text: string, count: number): string[] {
  const lines: string[] = [];
  for (let start = 0; start < text.length && lines.length < count;) {
    const end = text.indexOf('\n', start);
    lines.push(text.slice(start, end < 0 ? undefined : end).replace(/\r$/, ''));
    start = end < 0 ? text.length : end + 1;
  }
  return lines;
}
