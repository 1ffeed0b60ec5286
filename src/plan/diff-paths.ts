import { posix } from 'node:path';
import type { HostFile, HostState } from '../cluster/host-state.js';
import { sha256 } from './digest.js';
import type { Manifest } from './manifest.js';
import type { ObservedPath, Observation } from './observation.js';
import { maskPath } from './persist.js';
import { step, type Step } from './step.js';

/** Directories that are missing, or have another mode or owner. */
export function* directorySteps(desired: HostState, observed: Observation): Generator<Step> {
  for (const directory of desired.directories) {
    const there = observed.paths.get(directory.path);
    const reason = !there
      ? 'is missing'
      : there.type !== 'directory'
        ? `is a ${there.type}, not a directory`
        : there.mode !== directory.mode
          ? `has mode ${octal(there.mode)}`
          : ownedBy(directory.owner, there)
            ? undefined
            : `belongs to ${there.user}:${there.group}`;
    if (reason) yield step({ kind: 'directory', directory }, directory.path, reason);
  }
}

/** Files that are missing or differ in type, content, mode or owner. What the host had there before is kept. */
export function* fileSteps(desired: HostState, observed: Observation): Generator<Step> {
  for (const file of desired.files) {
    const reason = fileDifference(file, observed);
    if (reason === undefined) continue;
    const keep = isHosts(file.path, observed) ? { keep: true as const } : {};
    yield step({ kind: 'file-write', file, ...keep }, file.path, reason);
  }
}

/** True where something lies that coreup did not write, before coreup's first file there or since an interruption. */
function isHosts(path: string, { paths, manifest }: Observation): boolean {
  const there = paths.get(path);
  if (there?.type !== 'file' && there?.type !== 'link') return false;
  const sums = manifest?.files[path]?.split(' ');
  if (manifest?.edits[path]?.made === true || manifest?.masked.some((unit) => maskPath(unit) === path)) return false;
  return sums === undefined || (manifest?.originals.includes(path) === true && !sums.includes(there.sha256 ?? ''));
}

function fileDifference(file: HostFile, observed: Observation): string | undefined {
  const there = observed.paths.get(file.path);
  if (!there) return 'is missing';
  // As coreos-cloudinit's rename does.
  if (there.type === 'link') return 'is a symbolic link; the link is replaced, not what it leads to';
  if (there.type !== 'file') return `is a ${there.type}, not a file`;
  if (there.sha256 !== sha256(file.content)) return 'has other content';
  if (there.mode !== file.mode) return `has mode ${octal(there.mode)}`;
  return ownedBy(file.owner, there) ? undefined : `belongs to ${there.user}:${there.group}`;
}

/** What is to be done about a file of an earlier user-data that the present one does not have. */
export interface StalePath {
  readonly path: string;
  /** What coreup may have written there, sha256 in hex. */
  readonly sums: readonly string[];
  /** `remove`: it is as coreup wrote it. `keep`: somebody has changed it since. */
  readonly fate: 'remove' | 'keep' | 'gone';
}

/** Files of an earlier user-data, with what became of them. */
export function stalePaths(desired: HostState, observed: Observation): readonly StalePath[] {
  const wanted = new Set([...desired.files, ...desired.edits].map(({ path }) => path));
  return Object.entries(observed.manifest?.files ?? {}).flatMap(([path, text]): StalePath[] => {
    if (wanted.has(path)) return [];
    const sums = text.split(' ');
    const there = observed.paths.get(path);
    const fate = !there ? 'gone' : there.type === 'file' && sums.includes(there.sha256 ?? '') ? 'remove' : 'keep';
    return [{ path, sums, fate }];
  });
}

/** The step itself looks once more whether the file is coreup's. */
export function* staleSteps(stale: readonly StalePath[], manifest: Manifest | undefined): Generator<Step> {
  for (const { path, sums, fate } of stale) {
    if (fate !== 'remove') continue;
    const restore = manifest?.originals.includes(path) === true;
    const reason = 'is no longer in the user-data';
    const action = { kind: 'file-remove', path, sha256: sums, ...(restore ? { restore } : {}) } as const;
    yield step(action, path, restore ? `${reason}; what was there before comes back` : reason);
  }
}

/** Directories that exist only for files of this state: `made` are missing, `needed` may be there. */
export function neededDirectories(desired: HostState): ReadonlySet<string> {
  return new Set([...desired.files, ...desired.edits].flatMap(({ path }) => ancestors(path)));
}

/** Those that coreup made earlier and that nothing needs any more: taken away where they are empty, deepest first. */
export function* directoryRemovals(desired: HostState, { manifest, paths }: Observation): Generator<Step> {
  const needed = new Set([...neededDirectories(desired), ...desired.directories.map(({ path }) => path)]);
  const deepestFirst = [...(manifest?.directories ?? [])].sort((a, b) => b.length - a.length);
  for (const path of deepestFirst) {
    if (needed.has(path) || !paths.has(path)) continue;
    yield step({ kind: 'directory-remove', path }, path, 'was made for files that are no longer in the user-data');
  }
}

/** `/etc`, `/etc/a` for `/etc/a/b`. */
export function ancestors(path: string): string[] {
  const parent = posix.dirname(path);
  return parent === '/' || parent === '.' ? [] : [...ancestors(parent), parent];
}

/** @param owner as for chown(1): names or numbers, the group after a colon or, as in old scripts, after a dot */
function ownedBy(owner: string | null, there: ObservedPath): boolean {
  if (owner === `${there.user}.${there.group}`) return true;
  const [user = '', group = ''] = (owner ?? 'root:root').split(':');
  return (
    (user === '' || user === there.user || user === String(there.uid)) &&
    (group === '' || group === there.group || group === String(there.gid))
  );
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}
