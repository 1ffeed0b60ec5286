import { readFile } from 'node:fs/promises';
import type ssh2 from 'ssh2';
import type { ParsedKey } from 'ssh2';
import { messageOf } from '../util/errors.js';
import { publicBlobOf } from './keys.js';
import { keyType } from './known-hosts.js';

type Ssh2 = typeof ssh2;

/** What a key file holds. A public half alone is of use where an agent has the private one. */
export type LoadedKey =
  | { readonly state: 'ready'; readonly key: ParsedKey }
  | { readonly state: 'encrypted'; readonly text: string; readonly half: ParsedKey | undefined }
  | { readonly state: 'public'; readonly half: ParsedKey };

/** Reads key files, each once. */
export class KeyFiles {
  readonly #files = new Map<string, Promise<LoadedKey>>();

  /** @throws Error with `code` ENOENT where neither the file nor its `.pub` exists; otherwise with the reason as message */
  load(file: string, library: Ssh2): Promise<LoadedKey> {
    const known = this.#files.get(file);
    if (known !== undefined) return known;
    const loading = load(file, library);
    this.#files.set(file, loading);
    loading.catch(() => this.#files.delete(file)); // it may be there the next time
    return loading;
  }
}

async function load(file: string, library: Ssh2): Promise<LoadedKey> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const half = await publicHalf(`${file}.pub`, library);
    if (half === undefined || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return { state: 'public', half };
  }
  const parsed = parse(text, library);
  if (!(parsed instanceof Error)) {
    return parsed.isPrivateKey() ? { state: 'ready', key: parsed } : { state: 'public', half: parsed };
  }
  const reason = messageOf(parsed);
  if (!/encrypted/i.test(reason)) throw new Error(reason);
  return { state: 'encrypted', text, half: halfOf(text, library) ?? (await publicHalf(`${file}.pub`, library)) };
}

/** OpenSSH's own format shows the public half of a protected key. */
function halfOf(text: string, library: Ssh2): ParsedKey | undefined {
  const blob = publicBlobOf(text);
  const type = blob && keyType(blob);
  if (blob === undefined || type === undefined) return undefined;
  const half = parse(`${type} ${blob.toString('base64')}`, library);
  return half instanceof Error ? undefined : half;
}

async function publicHalf(file: string, library: Ssh2): Promise<ParsedKey | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  const half = text === undefined ? undefined : parse(text, library);
  return half === undefined || half instanceof Error || half.isPrivateKey() ? undefined : half;
}

/** One file holds one key; ssh2's types say otherwise only for its old PPK reader. */
function parse(text: string, library: Ssh2): ParsedKey | Error {
  const parsed: ParsedKey | Error | undefined = [library.utils.parseKey(text)].flat()[0];
  return parsed ?? new Error('it is empty');
}
