import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { unitNameOf } from '../fleet/fleetctl-args.js';
import { InputError, messageOf } from '../util/errors.js';

/** A unit file that is taken along. */
export interface TakenFile {
  readonly name: string;
  readonly content: Uint8Array;
}

/** The commands that read unit files where they run. */
const READING = new Set(['start', 'load', 'submit', 'verify']);

/**
 * The local unit files that a fleetctl command means by its words, found as fleetctl finds them: the file itself, or the
 * template that it would be an instance of, in the same directory.
 *
 * @throws InputError FLEETCTL_FILES for a file that cannot be read, and for two of one name
 */
export function filesToTake(command: string, names: readonly string[], directory: string): readonly TakenFile[] {
  if (!READING.has(command)) return [];
  const taken = new Map<string, { path: string; file: TakenFile }>();
  for (const word of names) {
    const found = candidates(word)
      .map((path) => read(join(directory, path), path))
      .find((file) => file !== undefined);
    if (found === undefined) continue;
    const twin = taken.get(found.file.name);
    if (twin && twin.path !== found.path) {
      throw new InputError(`${twin.path} and ${found.path} are both called ${found.file.name}`, {
        code: 'FLEETCTL_FILES',
        hint: 'fleet knows units by their name alone: give fleetctl one of them.',
      });
    }
    taken.set(found.file.name, found);
  }
  return [...taken.values()].map(({ file }) => file);
}

function candidates(word: string): readonly string[] {
  const path = join(dirname(word), unitNameOf(word));
  const template = path.replace(/@[^/@]*(\.[a-z]+)$/, '@$1');
  return template === path ? [path] : [path, template];
}

function read(absolute: string, path: string): { path: string; file: TakenFile } | undefined {
  try {
    return { path, file: { name: basename(path), content: readFileSync(absolute) } };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new InputError(`cannot read the unit file ${path}: ${messageOf(error)}`, {
      code: 'FLEETCTL_FILES',
      hint: 'Make it readable for this user.',
      cause: error,
    });
  }
}
