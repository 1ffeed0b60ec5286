import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseState } from './format.js';

/**
 * Names of the members that the last `up` has seen, for the completion of a command line.
 *
 * @param words of the command line; `--config FILE` among them says where the project is
 * @returns none where nothing is known, for whatever reason
 */
export function knownMembers(cwd: string, words: readonly string[]): readonly string[] {
  const at = words.indexOf('--config');
  const directory = dirname(resolve(cwd, (at === -1 ? undefined : words[at + 1]) ?? 'config.ts'));
  try {
    const read = parseState(readFileSync(join(directory, '.coreup', 'state.json'), 'utf8'));
    if (read.kind !== 'state') return [];
    const { versions = {}, addresses = {}, bootstrap } = read.state;
    return [...new Set([...Object.keys(versions), ...Object.keys(addresses), ...(bootstrap?.members ?? [])])].sort();
  } catch {
    return [];
  }
}
