import type { ExplainedFile } from '../actions/explain.js';
import { cut, printable } from './printable.js';

const MAX_LINES = 20;
const MAX_WIDTH = 200;
const HIDDEN = '(hidden)';

/** `Environment="FLEET_ETCD_PASSWORD=…"`, `password: …`, and a login inside of a URL. */
const PASSWORD = /(pass(?:word|wd|phrase)["']?\s*[=:]\s*)[^\s"'][^"']*/gi;
const LOGIN = /(:\/\/[^\s/:@"']+:)[^\s/@"']+(?=@)/g;
const PRIVATE_KEY = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/;

/** The lines that a person is shown of a file: shortened, without secrets, and without what would steer the terminal. */
export function contentLines(file: ExplainedFile): string[] {
  const { content, content_base64: base64, mode } = file;
  if (content === undefined) return [`(binary, ${sizeOf(Buffer.byteLength(base64 ?? '', 'base64'))})`];
  const size = sizeOf(Buffer.byteLength(content));
  // Whoever closes a file to other users does not want it on a screen.
  if ((Number.parseInt(mode, 8) & 0o004) === 0)
    return [`${HIDDEN} ${size}, since the mode is ${mode}; --json shows it`];
  if (PRIVATE_KEY.test(content)) return [`${HIDDEN} ${size}, since there is a private key in it; --json shows it`];
  if (content === '') return ['(empty)'];
  const isDropIn = file.key !== '' && file.path.endsWith('.conf');
  const limit = isDropIn ? 10 * MAX_LINES : MAX_LINES;
  const lines = firstLines(content, limit + 1);
  const shown = lines.slice(0, limit).map((line) => `| ${cut(withoutSecrets(printable(line)), MAX_WIDTH)}`);
  return lines.length > limit ? [...shown, `… (${size} in all)`] : shown;
}

/** A text with passwords hidden. */
export function withoutSecrets(text: string): string {
  return text.replace(PASSWORD, `$1${HIDDEN}`).replace(LOGIN, `$1${HIDDEN}`);
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

function sizeOf(bytes: number): string {
  if (bytes < 10_000) return `${bytes} ${bytes === 1 ? 'byte' : 'bytes'}`;
  return bytes < 1_000_000 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
