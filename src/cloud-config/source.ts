import { gunzipSync } from 'node:zlib';
import { InputError } from '../util/errors.js';
import { problemAt, type NamedText } from './problem.js';

/** User-data as it was read: bytes, or text that is already decoded. */
export interface UserDataSource {
  /** The name used in messages. */
  readonly file: string;
  readonly text: string | Uint8Array;
}

/** What gzip may unwrap to. Real user-data has kilobytes; a few hundred bytes can unwrap to gigabytes. */
const MAX_UNPACKED = 64 * 1024 * 1024;

/** The characters that unicode.IsSpace of Go trims from the end of the header. */
const TRAILING_SPACE = /[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+$/;

/** Characters that libyaml refuses anywhere in a document. */

const NOT_PRINTABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u0084\u0086-\u009f\ufeff\ufffe\uffff]/;
const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/**
 * The text of user-data that is a cloud-config: unwrapped from gzip, decoded from UTF-8, with the right first line. An
 * empty text is one too: coreos-cloudinit has nothing to do then.
 *
 * @throws InputError naming what it is instead (a script, an Ignition config, not UTF-8, another first line)
 */
export function cloudConfigText(source: UserDataSource): NamedText {
  const text = typeof source.text === 'string' ? source.text : decode(source.file, unwrap(source.file, source.text));
  const named = { file: source.file, text };
  if (text !== '') {
    checkKind(named);
    checkCharacters(named);
  }
  return named;
}

/** The header rule of coreos-cloudinit's config.IsCloudConfig. */
export function hasCloudConfigHeader(text: string): boolean {
  return firstLineOf(text).replace(TRAILING_SPACE, '') === '#cloud-config';
}

function firstLineOf(text: string): string {
  const end = text.indexOf('\n');
  return end < 0 ? text : text.slice(0, end);
}

function unwrap(file: string, bytes: Uint8Array): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_UNPACKED });
  } catch (cause) {
    const tooLarge = (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    throw new InputError(
      tooLarge
        ? `${file}: unpacks to more than ${MAX_UNPACKED / 1024 / 1024} MiB`
        : `${file}: begins like gzip but cannot be unpacked`,
      {
        code: 'USER_DATA_GZIP',
        hint: tooLarge
          ? 'Take large files out of the user-data.'
          : 'Compress it again with gzip, or give the plain cloud-config.',
        location: { file },
        cause,
      },
    );
  }
}

function decode(file: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
    throw problemAt(
      { file, text },
      text.indexOf('\ufffd'),
      'a byte here is not UTF-8',
      'USER_DATA_ENCODING',
      bytes[0] === 0xff || bytes[0] === 0xfe
        ? 'It looks like UTF-16: save the file as UTF-8, without a byte order mark.'
        : `Save the file as UTF-8; put binary content into write_files with "encoding: base64". (${String(cause)})`,
    );
  }
}

function checkKind(source: NamedText): void {
  const first = firstLineOf(source.text);
  if (hasCloudConfigHeader(source.text)) return;
  if (first.startsWith('#!')) {
    throw problemAt(
      source,
      0,
      'this is a script (it begins with "#!"), not a cloud-config',
      'USER_DATA_SCRIPT',
      'Put the script into write_files and run it from a unit of coreos.units with "command: start".',
    );
  }
  if (isIgnition(source.text)) {
    throw problemAt(
      source,
      0,
      'this is an Ignition config (JSON), not a cloud-config',
      'USER_DATA_IGNITION',
      'Write it as a cloud-config that begins with "#cloud-config"; `coreup init` makes one to start from.',
    );
  }
  throw problemAt(source, 0, headerMessage(source.text, first), 'USER_DATA_HEADER', headerHint(source.text));
}

function headerMessage(text: string, first: string): string {
  if (text.startsWith('\ufeff'))
    return 'the file begins with a byte order mark, so its first line is not "#cloud-config"';
  const found = first.trim() === '' ? 'an empty line' : JSON.stringify(first.slice(0, 60));
  return `the first line must be exactly "#cloud-config"; found ${found}`;
}

function headerHint(text: string): string {
  if (text.startsWith('\ufeff')) return 'Save the file as UTF-8 without a byte order mark.';
  if (/^\s*#\s*cloud-config\s*$/im.test(text.slice(0, 4096))) {
    return 'Move "#cloud-config" to the very first line, without white space before it and with nothing else on it.';
  }
  return 'Make "#cloud-config" the first line, with nothing before it.';
}

/** The two versions of Ignition's own test, as coreos-cloudinit does it. */
function isIgnition(text: string): boolean {
  if (!text.trimStart().startsWith('{')) return false;
  try {
    const value = JSON.parse(text) as { ignitionVersion?: unknown; ignition?: { version?: unknown } | null };
    return typeof value.ignitionVersion === 'number' || typeof value.ignition?.version === 'string';
  } catch {
    return false;
  }
}

function checkCharacters(source: NamedText): void {
  const at = NOT_PRINTABLE.exec(source.text) ?? LONE_SURROGATE.exec(source.text);
  if (at === null) return;
  const name = `U+${(at[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
  throw problemAt(
    source,
    at.index,
    `the character ${name} is not allowed in YAML`,
    'USER_DATA_CHARACTER',
    'Delete it, or write it as an escape in double quotes, such as "\\e" for escape; for binary content use "encoding: base64".',
  );
}
