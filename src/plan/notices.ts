import type { HostState } from '../cluster/host-state.js';
import { stalePaths } from './diff-paths.js';
import type { Observation } from './observation.js';

/** What a person should know about files that the user-data no longer has and that stay all the same. */
export function keptNotices(desired: HostState, observed: Observation): readonly string[] {
  return stalePaths(desired, observed)
    .filter(({ fate }) => fate === 'keep')
    .map(({ path }) => `keeps ${path}: it is no longer in the user-data, but somebody has changed it since`);
}
