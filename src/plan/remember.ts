import type { HostState } from '../cluster/host-state.js';
import { sha256 } from './digest.js';
import { ancestors, neededDirectories } from './diff-paths.js';
import type { EditMemory, Manifest } from './manifest.js';
import type { Observation } from './observation.js';
import type { Step } from './step.js';

/** Whose host it is, and which user-data it is to have. */
export interface Identity {
  readonly cluster: string;
  readonly member: string;
  /** sha256 (hex) of the member's user-data with the substitutions made. */
  readonly userData: string;
}

/**
 * What is coreup's once the steps are done. A file that was there with the right content before coreup came is not.
 */
export function finalManifest(
  desired: HostState,
  { manifest: before, paths }: Observation,
  identity: Identity,
  fileSteps: readonly Step[],
  more: Pick<Manifest, 'edits' | 'keys' | 'pending'>,
): Manifest {
  const written = new Set(fileSteps.map(({ target }) => target));
  const mine = desired.files.filter(({ path }) => written.has(path) || before?.files[path] !== undefined);
  const kept = fileSteps.flatMap(({ action }) =>
    action.kind === 'file-write' && action.keep === true ? [action.file.path] : [],
  );
  const there = new Set([...paths.keys()].flatMap((path) => [...ancestors(path), path]));
  const made = [...neededDirectories(desired)].filter(
    (path) => !there.has(path) || before?.directories.includes(path) === true,
  );
  return {
    version: 1,
    cluster: identity.cluster,
    member: identity.member,
    userData: identity.userData,
    files: Object.fromEntries(mine.map((file) => [file.path, sha256(file.content)])),
    originals: mine
      .map(({ path }) => path)
      .filter((path) => kept.includes(path) || before?.originals.includes(path) === true)
      .sort(),
    directories: made.sort(),
    enabled: desired.units.filter((unit) => unit.enable).map((unit) => unit.name),
    masked: desired.units.filter((unit) => unit.mask).map((unit) => unit.name),
    ...more,
  };
}

/** Everything that is coreup's before or after: what an interrupted apply may leave behind. */
export function intentManifest(before: Manifest | undefined, after: Manifest, pending: readonly string[]): Manifest {
  return {
    ...after,
    userData: '',
    files: { ...before?.files, ...mergeSums(before?.files ?? {}, after.files) },
    originals: union(before?.originals, after.originals),
    directories: union(before?.directories, after.directories),
    edits: { ...before?.edits, ...mergeEdits(before?.edits ?? {}, after.edits) },
    keys: Object.fromEntries(
      union(Object.keys(before?.keys ?? {}), Object.keys(after.keys)).map((user) => [
        user,
        union(before?.keys[user], after.keys[user] ?? []),
      ]),
    ),
    enabled: union(before?.enabled, after.enabled),
    masked: union(before?.masked, after.masked),
    pending,
  };
}

function union(before: readonly string[] = [], after: readonly string[]): string[] {
  return [...new Set([...before, ...after])];
}

function mergeSums(before: Manifest['files'], after: Manifest['files']): Manifest['files'] {
  return Object.fromEntries(
    Object.entries(after).map(([path, sum]) => [path, union(before[path]?.split(' '), [sum]).join(' ')]),
  );
}

function mergeEdits(before: Manifest['edits'], after: Manifest['edits']): Manifest['edits'] {
  return Object.fromEntries(
    Object.entries(after).map(([path, edit]): [string, EditMemory] => [
      path,
      { ...edit, lines: { ...before[path]?.lines, ...edit.lines } },
    ]),
  );
}

/** Equal but for the order in which things were remembered. */
export function sameManifest(a: Manifest | undefined, b: Manifest): boolean {
  return a !== undefined && JSON.stringify(ordered(a)) === JSON.stringify(ordered(b));
}

/** Sorts the keys of everything; the order of units says nothing either, but is stable by itself. */
function ordered(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.map(([key, entry]) => [key, ordered(entry)]);
}
