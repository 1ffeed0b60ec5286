import type { Member } from '../cluster/types.js';
import type { Streams } from '../ssh/port.js';
import { messageOf } from '../util/errors.js';
import { quote } from '../util/shell.js';
import { withHosts } from './hosts.js';
import { LineCollector } from './line-collector.js';
import type { Project } from './project.js';

/** How a command ended on one member. */
export interface ExecResult {
  readonly name: string;
  /** Exit code; 128 plus the signal's number is not used: a signal or a lost connection gives null. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * One word is a shell command line, as with ssh; several are a program and its arguments, and reach it unchanged.
 */
export function commandLine(words: readonly string[]): string {
  return words.length === 1 ? (words[0] ?? '') : words.map(quote).join(' ');
}

/**
 * Runs a command on many members at once, as the login user.
 *
 * @param onLine told each whole line of output as it comes
 */
export async function execOnMembers(
  project: Project,
  members: readonly Member[],
  command: string,
  onLine: (member: string, line: string, stream: 'stdout' | 'stderr') => void,
): Promise<readonly ExecResult[]> {
  return withHosts(project, ({ connect }) =>
    Promise.all(
      members.map(async (member): Promise<ExecResult> => {
        const stdout = new LineCollector((line) => onLine(member.name, line, 'stdout'));
        const stderr = new LineCollector((line) => onLine(member.name, line, 'stderr'));
        try {
          const connection = await connect(member);
          const { code } = await connection.attach(command, { stdout, stderr });
          return { name: member.name, code, stdout: stdout.finish(), stderr: stderr.finish() };
        } catch (error) {
          return { name: member.name, code: null, stdout: stdout.finish(), stderr: stderr.finish() + messageOf(error) };
        }
      }),
    ),
  );
}

/** Runs a command, or without one a login shell, on one member with the given streams. @returns the exit code to end with */
export async function attachTo(
  project: Project,
  member: Member,
  command: string | undefined,
  streams: Streams,
): Promise<number> {
  return withHosts(project, async ({ connect }) => {
    const connection = await connect(member);
    const exit = await connection.attach(command, streams);
    return exit.code ?? SIGNALLED;
  });
}

/** As ssh(1): 255 where there is no exit code to pass on. */
const SIGNALLED = 255;
