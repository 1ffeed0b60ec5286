import type { HostState } from '../cluster/host-state.js';
import { ancestors } from './diff-paths.js';
import type { Observation } from './observation.js';

/** What lies in the way of the files of a state so that no step could write them; one sentence each. */
export function obstacles(desired: HostState, { paths }: Observation): readonly string[] {
  const targets = [...desired.files, ...desired.edits];
  const found = targets.flatMap(({ path, origin }): string[] => {
    const where = origin.line === undefined ? origin.key : `${origin.key}, line ${origin.line}`;
    if (paths.get(path)?.type === 'directory') return [`${path} (${where}) is a directory there, and is to be a file`];
    const above = ancestors(path).find((parent) => ['file', 'other'].includes(paths.get(parent)?.type ?? ''));
    return above === undefined ? [] : [`${path} (${where}) cannot be written: ${above} is a file there`];
  });
  return [...new Set(found)];
}
