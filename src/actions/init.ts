import { open, readFile, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { safeName } from '../config/resolve.js';
import { scaffold } from '../config/scaffold.js';
import { makeDirectories, writeFileAtomic } from '../util/fs.js';
import { CoreupError } from '../util/errors.js';

export interface InitResult {
  readonly directory: string;
  readonly written: readonly string[];
  /** Files that were there already and stay as they are. */
  readonly kept: readonly string[];
}

/** Writes what a new project starts from. Nothing that is there is overwritten; .gitignore gets the lines it lacks. */
export async function init(directory: string): Promise<InitResult> {
  const target = resolve(directory);
  const written: string[] = [];
  const kept: string[] = [];
  try {
    await makeDirectories(target);
    for (const { path, text } of scaffold(safeName(basename(target)))) {
      const file = join(target, path);
      const done = path === '.gitignore' ? await addLines(file, text) : await writeNew(file, text);
      (done ? written : kept).push(path);
    }
  } catch (error) {
    throw new CoreupError(`cannot write into ${target}: ${(error as Error).message}`, {
      code: 'INIT_UNWRITABLE',
      hint: 'Give a directory that this user may write.',
      cause: error,
    });
  }
  return { directory: target, written, kept };
}

async function writeNew(file: string, text: string): Promise<boolean> {
  try {
    const handle = await open(file, 'wx', 0o644);
    try {
      await handle.writeFile(text);
    } finally {
      await handle.close();
    }
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function addLines(file: string, text: string): Promise<boolean> {
  if (await writeNew(file, text)) return true;
  const present = await readFile(file, 'utf8');
  const lines = present.split(/\r?\n/);
  const missing = text.split('\n').filter((line) => line !== '' && !line.startsWith('#') && !lines.includes(line));
  if (missing.length === 0) return false;
  const { mode } = await stat(file);
  const gap = present === '' || present.endsWith('\n') ? '' : '\n';
  await writeFileAtomic(file, `${present}${gap}${missing.join('\n')}\n`, mode & 0o777);
  return true;
}
