import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProject } from './project.js';

const AT_MOMENT = fileURLToPath(new URL('at-moment.mjs', import.meta.url));

/** A line of the journal that a run writes for the nth time: a phase begins, or a step of a member. */
export interface Moment {
  readonly line: string;
  readonly nth: number;
}

/**
 * The moments of the run that a project has last ended, in order.
 *
 * @param member whose steps are meant; several members make theirs at once, in no order
 */
export async function momentsOf(project: TestProject, member: string): Promise<readonly Moment[]> {
  const entries = (await readFile(join(project.directory, '.coreup', 'journal'), 'utf8'))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Readonly<Record<string, string>>);
  const last = entries.at(-1)?.['run'];
  const lines = entries
    .filter((entry) => entry['run'] === last && [undefined, member].includes(entry['member']))
    .map(({ event, title, member: whose, step }) => [event, title, whose, step].filter(Boolean).join(' '));
  return lines.map((line, index) => ({
    line,
    nth: lines.slice(0, index + 1).filter((other) => other === line).length,
  }));
}

/** Environment of a run in which a shell command is executed at the first of some moments. `$PPID` is coreup there. */
export function at(moments: readonly Moment[], command: string): Record<string, string> {
  return {
    NODE_OPTIONS: `--import=${AT_MOMENT}`,
    COREUP_TEST_MOMENT: JSON.stringify({ moments, command }),
  };
}
