import type { Step } from '../plan/step.js';
import { filesToRead, parseFiles, readScript } from '../plan/read-files.js';
import { stepDiff } from '../plan/step-diff.js';
import { runAsRoot } from './remote.js';
import type { HostRun } from './run.js';

/** One step as a person sees it. */
export interface ShownStep {
  readonly kind: string;
  readonly target: string;
  readonly reason: string;
  /** What a unit is told, such as `restart`. */
  readonly verb?: string;
  /** What changes in a file; secrets are hidden. */
  readonly diff?: string;
}

/** Steps of a host with what they change: files that differ are read from it, in one more round trip. */
export async function showSteps(
  host: HostRun,
  steps: readonly Step[],
  signal: AbortSignal,
): Promise<readonly ShownStep[]> {
  const { observation } = host;
  const paths = host.fresh ? [] : filesToRead(steps, observation);
  const output =
    paths.length === 0
      ? ''
      : await runAsRoot(host.connection, 'reading the files that differ', readScript(paths), { signal });
  const contents = parseFiles(paths, output);
  return steps.map((step) => {
    const { kind, target, reason, action } = step;
    const diff = stepDiff(step, observation, contents);
    const verb = action.kind === 'unit-command' ? { verb: action.verb } : {};
    return { kind, target, reason, ...verb, ...(diff === undefined ? {} : { diff }) };
  });
}
