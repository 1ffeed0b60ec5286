import { readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { drafter } from '../util/fs.js';
import { runs } from './owner.js';
import type { StateDirectory } from './state.js';

/**
 * Removes drafts of files that processes have left which ended in the middle of writing: everywhere in `.coreup`, where a
 * draft may hold a key, and of the rendered files beside it. For whoever holds the project's lock.
 *
 * @throws Error for what the file system refuses
 */
export async function removeLeftovers({ path }: StateDirectory): Promise<void> {
  const project = dirname(path);
  const rendered = (await readdir(project)).filter((name) => name.startsWith('.user-data-'));
  const own = (await readdir(path, { recursive: true })).map((name) => join(path, name));
  for (const file of [...rendered.map((name) => join(project, name)), ...own]) {
    const pid = drafter(file);
    if (pid !== undefined && !runs(pid)) await rm(file, { force: true });
  }
}
