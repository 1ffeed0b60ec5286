import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fchmodSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/**
 * Replaces a file so that at any moment, also after a crash of this program or of the machine, it is either the old one
 * or the new one.
 *
 * @param path the file; its directory must exist
 * @param mode permission bits, set before the file gets its name
 */
export async function writeFileAtomic(path: string, data: string | Uint8Array, mode: number): Promise<void> {
  const temporary = draftOf(path);
  try {
    const handle = await open(temporary, 'wx', mode);
    try {
      await handle.chmod(mode);
      await handle.writeFile(data);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/**
 * The same for what can be made again: the disk is not waited for, so a crash of the machine may leave an empty file. A
 * thousand small files are written several times faster one after the other than through the pool of threads.
 */
export function writeGeneratedFile(path: string, data: string | Uint8Array, mode: number): void {
  const temporary = draftOf(path);
  try {
    const file = openSync(temporary, 'wx', mode);
    try {
      fchmodSync(file, mode);
      writeFileSync(file, data);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

function draftOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.${process.pid}.${randomBytes(6).toString('hex')}.tmp`);
}

/** @returns the process that made this file as a draft of another; undefined where it is no draft */
export function drafter(path: string): number | undefined {
  const pid = /^\..+\.(\d+)\.[0-9a-f]{12}\.tmp$/.exec(basename(path))?.[1];
  return pid === undefined ? undefined : Number(pid);
}

/**
 * Makes a directory and those above it that are missing. Not mkdir's own `recursive`: where the file system refuses with
 * "no such file" for a directory that can never be (in /proc, say), that tries for ever.
 */
export async function makeDirectories(path: string, mode = 0o777): Promise<void> {
  try {
    await mkdir(path, mode);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return;
    if (code !== 'ENOENT' || existsSync(dirname(path))) throw error;
    await makeDirectories(dirname(path));
    await makeDirectories(path, mode);
  }
}
