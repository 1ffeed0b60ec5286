import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { Parser, type ReadEntry } from 'tar';
import { InputError, messageOf } from '../util/errors.js';
import type { Candidate } from './inspect.js';

/** More than this in one file is no program, but a mistake or an attack. */
const MOST_BYTES = 512 * 1024 * 1024;

/**
 * Reads the files of these names from a tar archive, plain or compressed; nothing is written.
 *
 * @returns them, and the paths of all regular files
 * @throws InputError SOURCE_UNREADABLE for what is no archive, is cut off, or fails its checksums
 */
export async function readArchive(
  file: string,
  names: ReadonlySet<string>,
  where: string,
): Promise<{ readonly candidates: readonly Candidate[]; readonly names: readonly string[] }> {
  const candidates: Candidate[] = [];
  const all: string[] = [];
  const onReadEntry = (entry: ReadEntry): void => {
    const regular = entry.type === 'File' || entry.type === 'OldFile' || entry.type === 'ContiguousFile';
    if (regular) all.push(entry.path);
    if (!regular || !names.has(basename(entry.path)) || entry.size > MOST_BYTES) {
      entry.resume();
      return;
    }
    const chunks: Buffer[] = [];
    entry.on('data', (chunk: Buffer) => chunks.push(chunk));
    entry.on('end', () => candidates.push({ path: entry.path, content: Buffer.concat(chunks) }));
  };
  try {
    await new Promise<void>((resolve, reject) => {
      const parser = new Parser({ strict: true, onReadEntry });
      parser.on('error', reject);
      parser.on('end', resolve);
      createReadStream(file).on('error', reject).pipe(parser);
    });
  } catch (error) {
    throw new InputError(`${where} cannot be read as an archive: ${messageOf(error)}`, {
      code: 'SOURCE_UNREADABLE',
      hint: 'It must be a whole .tar.gz (or .tar); fetch it again if it was cut off on its way.',
      cause: error,
    });
  }
  return { candidates, names: all };
}
