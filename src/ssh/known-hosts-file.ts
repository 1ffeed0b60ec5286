import { appendFile, mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeFileAtomic } from '../util/fs.js';
import { formatKnownHost, parseKnownHosts, withoutHost, type KnownHost } from './known-hosts.js';

const MODE = 0o600;

/** The entries of a known_hosts file; a file that does not exist has none. */
export async function readKnownHosts(file: string): Promise<KnownHost[]> {
  return parseKnownHosts(await textOf(file));
}

/**
 * Adds a key. One write in append mode, so that several processes may do it at the same time; a lost race at worst
 * leaves the same line twice, which means the same.
 */
export async function appendKnownHost(file: string, address: string, port: number, key: Buffer): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const separator = (await endsMidLine(file)) ? '\n' : '';
  await appendFile(file, separator + formatKnownHost(address, port, key), { mode: MODE, flag: 'a' });
}

/** Makes `key` the only one that stands for a host. For hosts whose key coreup itself has made. */
export async function pinKnownHost(file: string, address: string, port: number, key: Buffer): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const rest = withoutHost(await textOf(file), address, port);
  const separator = rest === '' || rest.endsWith('\n') ? '' : '\n';
  await writeFileAtomic(file, rest + separator + formatKnownHost(address, port, key), MODE);
}

/** Forgets a host's keys; the file is left alone when it knows none. */
export async function forgetKnownHost(file: string, address: string, port: number): Promise<void> {
  const text = await textOf(file);
  const rest = withoutHost(text, address, port);
  if (rest !== text) await writeFileAtomic(file, rest, MODE);
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
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
