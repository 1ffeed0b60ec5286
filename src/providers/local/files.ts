import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Writes a file so that a reader, or the next run after a crash, finds the old content or the new one. */
export async function writeAtomic(path: string, content: string, mode = 0o644): Promise<void> {
  const beside = join(dirname(path), `.${randomBytes(6).toString('hex')}.tmp`);
  await writeSynced(beside, content, mode);
  await rename(beside, path);
}

/** Makes a directory with its parents, 0755 whatever the umask: others than root must be able to walk a host's disk. */
export async function makeDirectory(path: string): Promise<void> {
  if (existsSync(path)) return;
  await makeDirectory(dirname(path));
  await mkdir(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  });
  await chmod(path, 0o755);
}

/** Writes a file, making its directories, and waits until it is on the disk. */
export async function writeSynced(path: string, content: string, mode = 0o644): Promise<void> {
  await makeDirectory(dirname(path));
  const file = await open(path, 'w', mode);
  try {
    await file.chmod(mode);
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The JSON value in a file, or undefined where there is no such file. */
export function readJson(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
  return JSON.parse(text);
}
