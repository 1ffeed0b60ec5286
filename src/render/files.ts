import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { State, StateDirectory } from '../state/state.js';
import { CoreupError, InputError, messageOf } from '../util/errors.js';
import { writeGeneratedFile } from '../util/fs.js';

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
  const present = presentFiles(directory);
  const wanted = new Map(files.map((file) => [file.fileName, file]));
  const digests = new Map(files.map((file) => [file.fileName, digest(file.text)]));
  const written = files.filter((file) => present.get(file.fileName) !== digests.get(file.fileName));
  const foreign = written
    .map((file) => file.fileName)
    .filter((name) => present.has(name) && present.get(name) !== EMPTY && !isOurs(remembered, name, present.get(name)));
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

  // Remembered before it is made, forgotten after it is gone: a run that ends at any moment knows its own files.
  await state.update((before) => ({ ...before, rendered: withDigests(before, written, digests, present) }));
  try {
    for (const { fileName, text } of written) writeGeneratedFile(join(directory, fileName), text, 0o600);
    for (const name of removed) rmSync(join(directory, name), { force: true });
  } catch (error) {
    throw unusable(directory, 'write', error);
  }
  if (removed.length > 0) await state.update((before) => ({ ...before, rendered: without(before, removed) }));
  return { written: written.map((file) => file.fileName), removed };
}

/** Removes the rendered files of a project that are still as coreup wrote them. */
export async function removeRendered(directory: string, state: StateDirectory): Promise<void> {
  const remembered = await state.load();
  const present = presentFiles(directory);
  const own = [...present.keys()].filter((name) => isOurs(remembered, name, present.get(name)));
  for (const name of own) rmSync(join(directory, name), { force: true });
}

/** Digests of all `user-data-N` in a directory. */
function presentFiles(directory: string): Map<string, string> {
  const found = new Map<string, string>();
  try {
    const names = readdirSync(directory).filter((name) => /^user-data-[1-9]\d*$/.test(name));
    for (const name of names) found.set(name, digest(readFileSync(join(directory, name))));
  } catch (error) {
    throw unusable(directory, 'read', error);
  }
  return new Map([...found].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true })));
}

/** A full disk is this machine's fault; everything else is a directory that was not the right one to give. */
function unusable(directory: string, verb: 'read' | 'write', error: unknown): CoreupError {
  const message = `cannot ${verb} the rendered files in ${directory}: ${messageOf(error)}`;
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EIO') {
    return new CoreupError(message, { code: 'RENDER_FAILED', hint: 'Make room on this disk.', cause: error });
  }
  return new InputError(message, {
    code: verb === 'read' ? 'RENDER_UNREADABLE' : 'RENDER_UNWRITABLE',
    hint: 'Make the directory readable and writable for this user, or give another one with --out.',
    cause: error,
  });
}

function isOurs(state: State, name: string, present: string | undefined): boolean {
  return present !== undefined && (state.rendered[name] ?? []).includes(present);
}

/** For each file what is on disk, if that is coreup's, and what is about to replace it: either may be found next time. */
function withDigests(
  state: State,
  written: readonly RenderedFile[],
  digests: ReadonlyMap<string, string>,
  present: ReadonlyMap<string, string>,
): State['rendered'] {
  const rendered: Record<string, readonly string[]> = { ...state.rendered };
  for (const { fileName } of written) {
    const known = [present.get(fileName), digests.get(fileName)];
    rendered[fileName] = known.filter((entry) => entry !== undefined);
  }
  return rendered;
}

function without(state: State, names: readonly string[]): State['rendered'] {
  return Object.fromEntries(Object.entries(state.rendered).filter(([name]) => !names.includes(name)));
}

function digest(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** What a crash of the machine may leave of a file that was not waited for; nothing is lost by writing over it. */
const EMPTY = digest('');
