import { createHash } from 'node:crypto';

/** Where coreup keeps, on the host, what it made there and what it needs to take that back. */
const DIRECTORY = '/var/lib/coreup';
export const MANIFEST_PATH = `${DIRECTORY}/manifest.json`;
/**
 * There while a user is made: the name, and the home that is made with it. Where the host loses its power meanwhile, it may have
 * the user in some of its files and not in others; who is named here is not there.
 */
export const HALF_MADE_USER_PATH = `${DIRECTORY}/half-made-user`;

/** What coreup made on a host, so that it can tell its own from others' and take its own away again. */
export interface Manifest {
  readonly version: 1;
  readonly cluster: string;
  readonly member: string;
  /** sha256 (hex) of the user-data that was applied last, completely; empty while an apply is under way. */
  readonly userData: string;
  /**
   * sha256 (hex) by path, of every file that coreup wrote; while an apply is under way several, with spaces between: any
   * of them may be there if it ends early.
   */
  readonly files: Readonly<Record<string, string>>;
  /** Those of the files that took another file's place; `originalPath` has that one. */
  readonly originals: readonly string[];
  /** Directories that were made because a file needed them. */
  readonly directories: readonly string[];
  /** Lines that were set in files of the host, by path. */
  readonly edits: Readonly<Record<string, EditMemory>>;
  /** Keys that were added to authorized_keys, by user. */
  readonly keys: Readonly<Record<string, readonly string[]>>;
  /** Units that coreup enabled or masked. */
  readonly enabled: readonly string[];
  readonly masked: readonly string[];
  /** Units that may run with files from before a change: they have not been restarted since. */
  readonly pending: readonly string[];
}

/** What an edit did to a file. */
export interface EditMemory {
  /** The file was not there before. */
  readonly made: boolean;
  readonly lines: Readonly<Record<string, LineMemory>>;
}

export interface LineMemory {
  /** The line as coreup wrote it. */
  readonly line: string;
  /** The line that it replaced; null if it was added. */
  readonly was: string | null;
}

/** Where the file is kept that was at `path` before coreup wrote there. */
export function originalPath(path: string): string {
  return `${DIRECTORY}/originals/${digestOf(path)}`;
}

/** Where a file lies that a boot must put to `path`, which a reboot empties. */
export function bootCopyPath(path: string): string {
  return `${DIRECTORY}/boot/${digestOf(path)}`;
}

/** A name for a path that needs no quoting anywhere. */
function digestOf(path: string): string {
  return createHash('sha256').update(path).digest('hex').slice(0, 32);
}

/** @returns undefined for anything that is no manifest of this version */
export function parseManifest(text: string): Manifest | undefined {
  try {
    const value = { ...LATER_FIELDS, ...(JSON.parse(text) as Omit<Manifest, 'version'> & { version: unknown }) };
    const { version, files, originals, directories, edits, keys, enabled, masked, pending, cluster, userData } = value;
    const sound =
      version === 1 &&
      [cluster, userData, ...Object.values(files)].every((entry) => typeof entry === 'string') &&
      [originals, directories, enabled, masked, pending, ...Object.values(keys)].every(Array.isArray) &&
      Object.values(edits).every(({ lines }) => typeof lines === 'object');
    return sound ? { ...value, version } : undefined;
  } catch {
    return undefined;
  }
}

/** Fields that the manifests of the very first version did not have. */
const LATER_FIELDS = { originals: [], directories: [], edits: {}, keys: {} };

/** Keys in a fixed order, so that equal manifests are equal bytes. */
export function printManifest(manifest: Manifest): string {
  const { version, cluster, member, userData, originals, directories, enabled, masked, pending } = manifest;
  const [files, edits, keys] = [sorted(manifest.files), sorted(manifest.edits), sorted(manifest.keys)];
  const value = {
    version,
    cluster,
    member,
    userData,
    files,
    originals,
    directories,
    edits,
    keys,
    enabled,
    masked,
    pending,
  };
  return `${JSON.stringify(value, null, 2)}\n`;
}

function sorted<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}
