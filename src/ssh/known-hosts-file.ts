import { appendFile, mkdir, open, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CoreupError, messageOf } from '../util/errors.js';
import { writeFileAtomic } from '../util/fs.js';
import { formatKnownHost, parseKnownHosts, withoutHost, type KnownHost } from './known-hosts.js';

const MODE = 0o600;

/** A key that is known to be a host's. */
export interface Pin {
  readonly address: string;
  readonly port: number;
  readonly key: Buffer;
}

/** Reads known_hosts files, each again only when it has changed: a run may ask for hundreds of hosts. */
export class KnownHostsFiles {
  readonly #read = new Map<string, { readonly stamp: string; readonly entries: readonly KnownHost[] }>();

  /**
   * The entries of all these files, in their order. A file that does not exist has none; nor has, as with ssh, one of the
   * others that cannot be read.
   *
   * @throws CoreupError KNOWN_HOSTS where the project's own cannot be read
   */
  async entries(own: string, others: readonly string[] = []): Promise<KnownHost[]> {
    const first = this.#entriesOf(own).catch((error: unknown) => {
      throw new CoreupError(`the known host keys cannot be read: ${own}: ${messageOf(error)}`, {
        code: 'KNOWN_HOSTS',
        hint: 'Make it a file that you may read and write; without it every host has to be compared again.',
        cause: error,
      });
    });
    const rest = others.map((file) => this.#entriesOf(file).catch(() => []));
    return (await Promise.all([first, ...rest])).flat();
  }

  async #entriesOf(file: string): Promise<readonly KnownHost[]> {
    const stamp = await stampOf(file);
    const known = this.#read.get(file);
    if (known?.stamp === stamp) return known.entries;
    const entries = parseKnownHosts(await textOf(file)).map((entry) => ({ ...entry, file }));
    this.#read.set(file, { stamp, entries });
    return entries;
  }
}

/**
 * Adds a key. One write in append mode, so that several processes may do it at the same time; a lost race at worst
 * leaves the same line twice, which means the same.
 */
export async function appendKnownHost(file: string, { address, port, key }: Pin): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const separator = (await endsMidLine(file)) ? '\n' : '';
  await appendFile(file, separator + formatKnownHost(address, port, key), { mode: MODE, flag: 'a' });
}

/**
 * Makes each key the only one that stands for its host, for keys that coreup itself has made or that config.ts gives.
 * What the file says of other hosts stays, and a file that says all this already is left alone.
 */
export async function pinKnownHosts(file: string, pins: readonly Pin[]): Promise<void> {
  const before = await textOf(file);
  let text = before;
  for (const pin of pins) {
    const line = formatKnownHost(pin.address, pin.port, pin.key);
    const rest = withoutHost(text, pin.address, pin.port);
    if (text.length - rest.length === line.length && `\n${text}`.includes(`\n${line}`)) continue;
    text = `${rest}${rest === '' || rest.endsWith('\n') ? '' : '\n'}${line}`;
  }
  if (text === before) return;
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFileAtomic(file, text, MODE);
}

async function stampOf(file: string): Promise<string> {
  try {
    const { mtimeMs, size, ino } = await stat(file);
    return `${mtimeMs} ${size} ${ino}`;
  } catch (error) {
    if (isAbsence(error)) return 'absent';
    throw error;
  }
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (isAbsence(error)) return '';
    throw error;
  }
}

function isAbsence(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

async function endsMidLine(file: string): Promise<boolean> {
  const handle = await open(file, 'r').catch(() => undefined);
  if (handle === undefined) return false;
  try {
    const { size } = await handle.stat();
    if (size === 0) return false;
    const { buffer } = await handle.read({ buffer: Buffer.alloc(1), position: size - 1 });
    return buffer[0] !== 0x0a;
  } finally {
    await handle.close();
  }
}
