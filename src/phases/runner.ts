import type { Reporter } from '../report/port.js';
import type { Journal } from '../state/journal.js';
import { InterruptedError } from '../util/errors.js';

/** One intent of a verb. The contract is a title and a run; the rest is optional. */
export interface Phase<Run> {
  readonly title: string;
  /** True where there is nothing to do; the phase is then not shown. */
  skip?(run: Run): boolean;
  run(run: Run): Promise<void>;
}

/** What every run has. */
export interface RunBase {
  readonly reporter: Reporter;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Where a run that changes something is written down. */
  readonly journal?: Journal;
}

/**
 * Runs phases in order. Ends between two phases when the person has interrupted.
 *
 * @throws InterruptedError, and whatever a phase throws
 */
export async function runPhases<Run extends RunBase>(phases: readonly Phase<Run>[], run: Run): Promise<void> {
  for (const phase of phases) {
    if (run.signal.aborted) throw new InterruptedError();
    if (phase.skip?.(run)) continue;
    run.journal?.phase(phase.title);
    await run.reporter.phase(phase.title, () => phase.run(run));
  }
}
