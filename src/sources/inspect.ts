import { InputError } from '../util/errors.js';
import { readElf } from './elf.js';
import { digestOf, type Program, type Wanted } from './program.js';

/** A file of a source: its path there, and its bytes. */
export interface Candidate {
  readonly path: string;
  readonly content: Uint8Array;
}

/**
 * Picks the wanted programs from the files of a source.
 *
 * @param where the source, for messages
 * @param names of everything in the source, for the message that something is missing
 * @throws InputError SOURCE_UNFIT if one is missing, is there twice, or is not the program that it is called
 */
export function pickPrograms(
  where: string,
  candidates: readonly Candidate[],
  wanted: readonly Wanted[],
  names: readonly string[],
): readonly Program[] {
  return wanted.map((want) => inspect(where, pick(where, candidates, want, names), want));
}

function pick(where: string, candidates: readonly Candidate[], { name }: Wanted, names: readonly string[]): Candidate {
  const depth = (path: string): number => path.split('/').length;
  const found = candidates
    .filter(({ path }) => path.split('/').at(-1) === name)
    .sort((a, b) => depth(a.path) - depth(b.path));
  const [first, second] = found;
  if (!first) {
    const listed =
      names.length === 0 ? 'it is empty' : `it has ${names.slice(0, 8).join(', ')}${names.length > 8 ? ', …' : ''}`;
    throw unfit(`${where} has no ${name}: ${listed}`);
  }
  if (second && depth(second.path) === depth(first.path)) {
    throw unfit(`${where} has more than one ${name}: ${first.path} and ${second.path}`);
  }
  return first;
}

function inspect(where: string, { path, content }: Candidate, { name, mark }: Wanted): Program {
  const elf = readElf(content);
  if (!elf) throw unfit(`${path} in ${where} is no program: it is no ELF file, or one that is cut off`);
  if (!Buffer.from(content.buffer, content.byteOffset, content.byteLength).includes(mark)) {
    throw unfit(`${path} in ${where} is a program, but not ${name}: nothing in it says ${JSON.stringify(mark)}`);
  }
  return { name, content, sha256: digestOf(content), ...elf };
}

function unfit(message: string): InputError {
  return new InputError(message, {
    code: 'SOURCE_UNFIT',
    hint: 'Name a directory or an archive that has the programs, as the releases do.',
  });
}
