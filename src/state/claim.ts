import { createHash, randomBytes } from 'node:crypto';
import { link, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** More turns than this means that something is at the path which is not a file of ours. */
const MOST_TURNS = 100;

/**
 * Puts a file at a path for one process of all that try: whole from its first moment on, and replacing a stale one.
 *
 * Reading a stale file and removing it are two moments, between which another process may have replaced it. So the right
 * to replace a file is itself a claim, on a path made of that file's content: one process has it, looks again, and only
 * then replaces. No content ever comes twice, hence a late holder of such a right finds another file and leaves it.
 *
 * @param text what to put there; never the same twice
 * @param isStale whether a present file may be replaced
 * @returns undefined when the claim is made, otherwise the content of the file that is in the way
 * @throws Error for what the file system refuses
 */
export async function claim(
  path: string,
  text: string,
  isStale: (present: string) => boolean,
): Promise<string | undefined> {
  const draft = `${path}.${process.pid}.${randomBytes(6).toString('hex')}`;
  await writeFile(draft, text, { flag: 'wx', mode: 0o600 });
  try {
    for (let turn = 0; turn < MOST_TURNS; turn++) {
      if (await linked(draft, path)) return undefined;
      const present = await contentOf(path);
      if (present === undefined) continue;
      if (!isStale(present)) return present;
      const right = `${path}.${createHash('sha256').update(present).digest('hex').slice(0, 16)}`;
      const rival = await claim(right, text, isStale);
      if (rival !== undefined) return rival;
      try {
        if ((await contentOf(path)) === present) {
          await rename(draft, path);
          return undefined;
        }
      } finally {
        await rm(right, { force: true });
      }
    }
    throw new Error(`${path} can neither be read nor made`);
  } finally {
    await rm(draft, { force: true });
  }
}

/** Gives a claim back, unless somebody else has it by now. */
export async function release(path: string, text: string): Promise<void> {
  if ((await contentOf(path)) === text) await rm(path, { force: true });
}

/** Removes what processes have left beside a path that ended in the middle of a claim. */
export async function sweep(
  path: string,
  isStale: (present: string) => boolean,
  runs: (pid: number) => boolean,
): Promise<void> {
  for (const name of await readdir(dirname(path))) {
    if (!name.startsWith(`${basename(path)}.`)) continue;
    const file = join(dirname(path), name);
    // A draft may be half written: only its maker's end says that nobody needs it.
    const drafter = /\.(\d+)\.[0-9a-f]{12}$/.exec(name)?.[1];
    const content = drafter === undefined ? await contentOf(file) : undefined;
    const left = drafter === undefined ? content !== undefined && isStale(content) : !runs(Number(drafter));
    if (left) await rm(file, { force: true });
  }
}

/** @returns undefined where there is no such file */
export async function contentOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
