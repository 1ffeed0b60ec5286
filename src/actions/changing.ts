import type { Reporter } from '../report/port.js';
import { killedText } from '../state/journal-entries.js';
import { Journal, killedRun } from '../state/journal.js';
import { removeLeftovers } from '../state/leftovers.js';
import { takeLock } from '../state/lock.js';
import type { StateDirectory } from '../state/state.js';
import { InterruptedError } from '../util/errors.js';

/**
 * Does what changes a cluster: one at a time in a project, written down step by step, and with a word on the last one if it
 * was killed.
 *
 * @throws CoreupError LOCKED; STATE_UNREADABLE or STATE_NEWER, before anything is done; whatever `work` throws
 */
export async function changing<T extends { readonly ok: boolean }>(
  state: StateDirectory,
  command: string,
  reporter: Reporter,
  work: (journal: Journal) => Promise<T>,
): Promise<T> {
  const unlock = await takeLock(state, command);
  try {
    await state.load();
    await removeLeftovers(state);
    const killed = await killedRun(state);
    if (killed) reporter.info(`${killedText(killed, new Date())}; what is left is done now`);
    const journal = Journal.begin(state, command);
    try {
      const result = await work(journal);
      journal.end(result.ok ? 'done' : 'failed');
      return result;
    } catch (error) {
      journal.end(error instanceof InterruptedError ? 'interrupted' : 'failed');
      throw error;
    }
  } finally {
    await unlock();
  }
}
