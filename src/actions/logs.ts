import type { Member } from '../cluster/types.js';
import { quote } from '../util/shell.js';
import { attachTo } from './exec.js';
import type { Project } from './project.js';

export interface LogOptions {
  readonly unit?: string | undefined;
  readonly follow: boolean;
  /** How many lines from the end. */
  readonly lines: number;
  readonly signal: AbortSignal;
}

/** Shows a member's journal with the host's own journalctl. @returns its exit code */
export function showLogs(project: Project, member: Member, options: LogOptions): Promise<number> {
  const words = ['journalctl', '--no-pager', `--lines=${options.lines}`];
  if (options.unit !== undefined) words.push(`--unit=${options.unit}`);
  if (options.follow) words.push('--follow');
  // Only root and some groups may read the whole journal.
  return attachTo(project, member, words.map(quote).join(' '), {
    stdout: process.stdout,
    stderr: process.stderr,
    sudo: true,
    signal: options.signal,
  });
}
