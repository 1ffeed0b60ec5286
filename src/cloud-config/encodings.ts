import { gunzipSync } from 'node:zlib';

/** The `encoding`s of write_files: what each is made of, outermost last. */
const STEPS: Readonly<Record<string, readonly ('base64' | 'gzip')[]>> = {
  '': [],
  b64: ['base64'],
  base64: ['base64'],
  gz: ['gzip'],
  gzip: ['gzip'],
  'gz+b64': ['base64', 'gzip'],
  'gz+base64': ['base64', 'gzip'],
  'gzip+b64': ['base64', 'gzip'],
  'gzip+base64': ['base64', 'gzip'],
};

export const ENCODING_NAMES: readonly string[] = Object.keys(STEPS).filter((name) => name !== '');

const MAX_UNPACKED = 256 * 1024 * 1024;

/** The decoded bytes, or why there are none. */
export type Decoded = { readonly bytes: Uint8Array } | { readonly error: string };

/**
 * Decodes content as `encoding` says: standard base64 with padding, where only line breaks may stand between (as Go's
 * base64.StdEncoding), and gzip with one or more members.
 */
export function decodeContent(content: Buffer, encoding: string): Decoded {
  const steps = Object.hasOwn(STEPS, encoding) ? STEPS[encoding] : undefined;
  if (steps === undefined) return { error: `the encoding ${JSON.stringify(encoding)} is unknown` };
  let bytes = content;
  for (const step of steps) {
    const next = step === 'base64' ? fromBase64(bytes) : fromGzip(bytes);
    if (typeof next === 'string') return { error: next };
    bytes = next;
  }
  return { bytes };
}

function fromBase64(content: Buffer): Buffer | string {
  const text = content.toString('latin1').replace(/[\r\n]/g, '');
  const body = text.replace(/={1,2}$/, '');
  const bad = /[^A-Za-z0-9+/]/.exec(body);
  if (bad !== null) return `it is not base64: ${JSON.stringify(bad[0])} is not in its alphabet`;
  if (text.length % 4 !== 0) return 'it is not base64: its length is not a multiple of four (padding missing?)';
  return Buffer.from(text, 'base64');
}

function fromGzip(content: Buffer): Buffer | string {
  if (content[0] !== 0x1f || content[1] !== 0x8b) return 'it is not gzip: it does not begin with 1f 8b';
  try {
    return gunzipSync(content, { maxOutputLength: MAX_UNPACKED });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
      return `it unpacks to more than ${MAX_UNPACKED / 1024 / 1024} MiB`;
    return 'it begins like gzip but is damaged or cut off';
  }
}
