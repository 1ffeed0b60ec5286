import { createHash } from 'node:crypto';
import type { HostFile, HostState } from '../cluster/host-state.js';
import type { Manifest } from './manifest.js';
import type { ObservedPath, Observation } from './observation.js';
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

/** Files that are missing or differ in type, content, mode or owner. */
export function* fileSteps(desired: HostState, observed: Observation): Generator<Step> {
  for (const file of desired.files) {
    const reason = fileDifference(file, observed);
    if (reason) yield step({ kind: 'file-write', file }, file.path, reason);
  }
}

function fileDifference(file: HostFile, observed: Observation): string | undefined {
  const there = observed.paths.get(file.path);
  if (!there) return 'is missing';
  if (there.type !== 'file') return `is a ${there.type}, not a file`;
  if (there.sha256 !== sha256(file.content)) return 'has other content';
  if (there.mode !== file.mode) return `has mode ${octal(there.mode)}`;
  return ownedBy(file.owner, there) ? undefined : `belongs to ${there.user}:${there.group}`;
}

/** Files of an earlier user-data; the step itself leaves alone what somebody has changed since. */
export function* staleSteps(desired: HostState, manifest: Manifest | undefined): Generator<Step> {
  const wanted = new Set(desired.files.map((file) => file.path));
  for (const [path, sums] of Object.entries(manifest?.files ?? {})) {
    if (!wanted.has(path))
      yield step({ kind: 'file-remove', path, sha256: sums.split(' ') }, path, 'is no longer in the user-data');
  }
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

/** In hex. */
export function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}
