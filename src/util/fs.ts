import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/**
 * Replaces a file so that at any moment, also after a crash of this program, it is either the old one or the new one.
 *
 * @param path the file; its directory must exist
 * @param mode permission bits, set before the file gets its name
 * @param options.durable also after a crash of the machine, at the price of waiting for the disk; false for what can be
 *   made again
 */
export async function writeFileAtomic(
  path: string,
  data: string | Uint8Array,
  mode: number,
  { durable = true }: { readonly durable?: boolean } = {},
): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    const handle = await open(temporary, 'wx', mode);
    try {
      await handle.chmod(mode);
      await handle.writeFile(data);
      if (durable) await handle.sync();
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
