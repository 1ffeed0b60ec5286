import { createHash } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { State, StateDirectory } from '../state/state.js';
import { CoreupError, InputError } from '../util/errors.js';
import { writeFileAtomic } from '../util/fs.js';

export interface RenderedFile {
  /** Name within the directory, such as `user-data-1`. */
  readonly fileName: string;
  readonly text: string;
}

export interface WriteResult {
  readonly written: readonly string[];
  readonly removed: readonly string[];
}

/**
 * Brings the rendered files of a project directory to what they should be: writes what differs (0600, atomically) and
 * removes `user-data-N` of a former, larger cluster. Files that coreup did not write are never touched.
 *
 * @throws InputError RENDER_FOREIGN if a file is in the way that coreup did not write
 */
export async function writeRendered(
  directory: string,
  files: readonly RenderedFile[],
  state: StateDirectory,
): Promise<WriteResult> {
  const remembered = await state.load();
  const present = await presentFiles(directory);
  const wanted = new Map(files.map((file) => [file.fileName, file]));
  const written = files.filter((file) => present.get(file.fileName) !== digest(file.text));
  const foreign = written
    .map((file) => file.fileName)
    .filter((name) => present.has(name) && !isOurs(remembered, name, present.get(name)));
  if (foreign.length > 0) {
    throw new InputError(
      `${foreign.join(', ')} in ${directory} ${foreign.length === 1 ? 'was' : 'were'} not written by coreup, or edited since`,
      {
        code: 'RENDER_FOREIGN',
        hint: 'Put your own changes into `user-data` or config.ts and move the file away; coreup overwrites only what it wrote.',
      },
    );
  }
  const removed = [...present.keys()].filter(
    (name) => !wanted.has(name) && isOurs(remembered, name, present.get(name)),
  );
  if (written.length === 0 && removed.length === 0) return { written: [], removed: [] };

  try {
    // Remembered first: a run that ends between the two must find its own files to be its own.
    await state.update((before) => ({ ...before, rendered: withDigests(before, written, removed) }));
    await inBatches(written, (file) => writeFileAtomic(join(directory, file.fileName), file.text, 0o600));
    await inBatches(removed, (name) => rm(join(directory, name), { force: true }));
  } catch (error) {
    throw new CoreupError(`cannot write the rendered files into ${directory}: ${(error as Error).message}`, {
      code: 'RENDER_UNWRITABLE',
      hint: 'Make the directory writable for this user, or give another one with --out.',
      cause: error,
    });
  }
  return { written: written.map((file) => file.fileName), removed };
}

/** Digests of all `user-data-N` in a directory. */
async function presentFiles(directory: string): Promise<Map<string, string>> {
  const names = (await readdir(directory)).filter((name) => /^user-data-[1-9]\d*$/.test(name));
  const found = new Map<string, string>();
  await inBatches(names, async (name) => {
    found.set(name, digest(await readFile(join(directory, name))));
  });
  return new Map([...found].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true })));
}

function isOurs(state: State, name: string, present: string | undefined): boolean {
  return present !== undefined && (state.rendered[name] ?? []).includes(present);
}

function withDigests(state: State, written: readonly RenderedFile[], removed: readonly string[]): State['rendered'] {
  const rendered: Record<string, readonly string[]> = Object.fromEntries(
    Object.entries(state.rendered).filter(([name]) => !removed.includes(name)),
  );
  // The newest two are enough: the one on disk, and the one about to replace it.
  for (const file of written)
    rendered[file.fileName] = [...(rendered[file.fileName] ?? []).slice(-1), digest(file.text)];
  return rendered;
}

function digest(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** A thousand files at once would use up the file descriptors. */
async function inBatches<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  for (let start = 0; start < items.length; start += 64) {
    await Promise.all(items.slice(start, start + 64).map(work));
  }
}
