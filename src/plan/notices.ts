import type { HostState } from '../cluster/host-state.js';
import { stalePaths } from './diff-paths.js';
import { keptPaths } from './foreign.js';
import type { Observation } from './observation.js';
import type { HostPlan } from './step.js';

/** What a person should know about files that the user-data no longer has and that stay all the same. */
export function keptNotices(desired: HostState, observed: Observation): readonly string[] {
  return stalePaths(desired, observed)
    .filter(({ fate }) => fate === 'keep')
    .map(({ path }) => `keeps ${path}: it is no longer in the user-data, but somebody has changed it since`);
}

/** What a person should know about files that the user-data replaces, and that coreup did not write. */
export function replacedNotices(plan: HostPlan): readonly string[] {
  return keptPaths(plan).map((path) => `replaces ${path}, which coreup did not write; what was there is kept`);
}
