import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProject } from './project.js';

const AT_MOMENT = fileURLToPath(new URL('at-moment.mjs', import.meta.url));

/** A line of the journal that a command writes for the nth time: a phase begins, or a step of a member. */
export interface Moment {
  readonly line: string;
  readonly nth: number;
}

/**
 * The moments of the command that has last ended in a project, in order; a rotation of the authority writes three runs.
 *
 * @param member whose steps are meant, where several members make theirs at once, in no order; everybody's otherwise
 */
export async function momentsOf(project: TestProject, member?: string): Promise<readonly Moment[]> {
  const entries = (await readFile(join(project.directory, '.coreup', 'journal'), 'utf8'))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Readonly<Record<string, string | number>>);
  const began = entries.filter(({ event }) => event === 'began');
  const runs = began.filter(({ pid }) => pid === began.at(-1)?.['pid']).map(({ run }) => run);
  const lines = entries
    .filter((entry) => runs.includes(entry['run'] ?? ''))
    .filter((entry) => member === undefined || [undefined, member].includes(entry['member'] as string | undefined))
    .map(({ event, title, member: whose, step }) => [event, title, whose, step].filter(Boolean).join(' '));
  return lines.map((line, index) => ({
    line,
    nth: lines.slice(0, index + 1).filter((other) => other === line).length,
  }));
}

/** The member whose step begins at a moment, or whose last one has ended; undefined for anything else. */
export function memberAt({ line }: Moment): string | undefined {
  return /^(?:step|stepped) (\S+)/.exec(line)?.[1];
}

/** Environment of a run in which a shell command is executed at the first of some moments. `$PPID` is coreup there. */
export function at(moments: readonly Moment[], command: string): Record<string, string> {
  return {
    NODE_OPTIONS: `--import=${AT_MOMENT}`,
    COREUP_TEST_MOMENT: JSON.stringify({ moments, command }),
  };
}
