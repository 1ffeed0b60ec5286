import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectories, writeFileAtomic } from '../util/fs.js';
import type { StateDirectory } from './state.js';

// Which version a program is, follows from its bytes: nothing that could get out of date, so it lies in the cache.

/** @returns what a program was once found to be, such as `3.5.16`, or undefined */
export async function knownVersion(state: StateDirectory, sha256: string): Promise<string | undefined> {
  return readFile(fileOf(state, sha256), 'utf8').catch(() => undefined);
}

/** Keeps what a program was found to be, unless nothing is kept of this project yet. */
export async function keepVersion(state: StateDirectory, sha256: string, version: string): Promise<void> {
  if (!existsSync(state.path)) return;
  await makeDirectories(join(state.file('cache'), 'versions'), 0o700);
  await writeFileAtomic(fileOf(state, sha256), version, 0o600);
}

function fileOf(state: StateDirectory, sha256: string): string {
  return join(state.file('cache'), 'versions', sha256);
}
