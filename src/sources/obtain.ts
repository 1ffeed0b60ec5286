import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { InputError, messageOf } from '../util/errors.js';
import { makeDirectories } from '../util/fs.js';
import { readArchive } from './archive.js';
import { download } from './download.js';
import { pickPrograms, type Candidate } from './inspect.js';
import type { Program, ProgramSource, Wanted } from './program.js';

export interface Obtain {
  /** The key of config.ts, such as `fleet.source`, for messages. */
  readonly key: string;
  readonly source: ProgramSource;
  readonly wanted: readonly Wanted[];
  /** Where downloads and unpacked programs are kept between runs. */
  readonly cache: string;
  /** The sum that was seen when a person first trusted this URL. */
  readonly pinned?: string | undefined;
  /** Whether a URL without a sum may be trusted now. */
  readonly trust?: boolean;
  /** Told the sum of a URL that was trusted now, to be remembered. */
  readonly onPin?: (url: string, sha256: string) => Promise<void>;
  readonly note?: (text: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Gets programs from a directory, an archive or a URL, and checks that they are what they are called. Hosts are not
 * involved; nothing is run.
 *
 * @throws InputError SOURCE_* for whatever is wrong with the source; CoreupError SOURCE_DOWNLOAD
 */
export async function obtainPrograms(wish: Obtain): Promise<readonly Program[]> {
  const { key, source } = wish;
  if (typeof source === 'object') return fromUrl(wish, source.url, source.sha256);
  if (/^https?:\/\//.test(source)) return fromUrl(wish, source, undefined);
  const kind = await stat(source).catch((error: unknown) => {
    throw new InputError(`${key} is ${source}, which cannot be read: ${messageOf(error)}`, {
      code: 'SOURCE_UNREADABLE',
      hint: 'Name a directory, a .tar.gz, or a URL with its sha256. Paths are relative to config.ts.',
      cause: error,
    });
  });
  return kind.isDirectory() ? fromDirectory(wish, source) : fromArchive(wish, source, await sumOf(source), source);
}

async function fromUrl(wish: Obtain, url: string, given: string | undefined): Promise<readonly Program[]> {
  const { key, pinned, trust, cache, note, signal } = wish;
  const sha256 = given ?? pinned;
  if (sha256 === undefined && trust !== true) {
    throw new InputError(`${key} is a URL without a sha256: nothing would show that ${url} is what you mean`, {
      code: 'SOURCE_UNPINNED',
      hint: `Write { url: '${url}', sha256: '…' }, or run \`coreup up --trust-first-use\` once, which remembers the sum.`,
    });
  }
  const directory = join(cache, 'downloads');
  const got = await download({ url, sha256, directory, signal, onStart: () => note?.(`downloading ${url}`) });
  const programs = await fromArchive(wish, got.file, got.sha256, url);
  if (sha256 === undefined) await wish.onPin?.(url, got.sha256);
  return programs;
}

/** In the directory itself, or in one right below it (`bin`, or what an archive was unpacked into). */
async function fromDirectory({ wanted }: Obtain, directory: string): Promise<readonly Program[]> {
  const names = new Set(wanted.map(({ name }) => name));
  const here = await readdir(directory, { withFileTypes: true });
  const below = await Promise.all(
    here
      .filter((entry) => entry.isDirectory())
      .map(async ({ name }) => (await readdir(join(directory, name)).catch(() => [])).map((file) => `${name}/${file}`)),
  );
  const paths = [...here.map(({ name }) => name), ...below.flat()];
  const candidates = await Promise.all(
    paths
      .filter((path) => names.has(path.split('/').at(-1) ?? ''))
      .map(async (path): Promise<Candidate[]> => {
        const file = join(directory, path);
        return (await stat(file)).isFile() ? [{ path, content: await readFile(file) }] : [];
      }),
  );
  return pickPrograms(directory, candidates.flat(), wanted, paths);
}

/** Unpacks an archive once: what is wanted of it is kept under the archive's sum. */
async function fromArchive(
  { wanted, cache }: Obtain,
  file: string,
  sha256: string,
  where: string,
): Promise<readonly Program[]> {
  const kept = join(cache, 'programs', sha256);
  const present = await Promise.all(wanted.map(({ name }) => readFile(join(kept, name)).catch(() => undefined)));
  const complete = present.flatMap((content, index): Candidate[] =>
    content === undefined ? [] : [{ path: wanted[index]?.name ?? '', content }],
  );
  if (complete.length === wanted.length) return pickPrograms(kept, complete, wanted, []);
  await refuseOther(file, where);
  const { candidates, names } = await readArchive(file, new Set(wanted.map(({ name }) => name)), where);
  const programs = pickPrograms(where, candidates, wanted, names);
  await keep(kept, programs);
  return programs;
}

/** tar reads anything as an archive without entries; say early what it is not. */
async function refuseOther(file: string, where: string): Promise<void> {
  const handle = await open(file);
  try {
    const head = Buffer.alloc(512);
    const { bytesRead } = await handle.read(head, 0, 512, 0);
    const gzip = bytesRead > 2 && head.readUInt16BE(0) === 0x1f8b;
    const tar = bytesRead === 512 && head.toString('latin1', 257, 262) === 'ustar';
    if (gzip || tar) return;
  } finally {
    await handle.close();
  }
  throw new InputError(`${where} is neither a directory nor a .tar.gz`, {
    code: 'SOURCE_UNREADABLE',
    hint: 'Name the archive of a release, or the directory that it was unpacked into.',
  });
}

/** Both or none are there: the directory gets its name last. */
async function keep(directory: string, programs: readonly Program[]): Promise<void> {
  const temporary = `${directory}.${randomBytes(6).toString('hex')}.tmp`;
  await makeDirectories(join(directory, '..'), 0o700);
  await mkdir(temporary, { mode: 0o700 });
  try {
    for (const { name, content } of programs) await writeFile(join(temporary, name), content, { mode: 0o755 });
    await rm(directory, { recursive: true, force: true });
    await rename(temporary, directory);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function sumOf(file: string): Promise<string> {
  const sum = createHash('sha256');
  await pipeline(createReadStream(file), sum);
  return sum.digest('hex');
}
