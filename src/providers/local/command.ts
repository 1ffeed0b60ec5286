import { spawn } from 'node:child_process';

/** How a short command ended. */
export interface Ended {
  /** Exit status; null if a signal ended it. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * The environment of the tools that are run here. The folders of root's tools are added, since `su` and cron leave them
 * out of PATH, and messages are in English, since they are read.
 */
export function toolEnvironment(): NodeJS.ProcessEnv {
  return { PATH: toolPath().join(':'), LC_ALL: 'C' };
}

/** Where the tools are looked for. */
export function toolPath(): string[] {
  const given = (process.env['PATH'] ?? '').split(':').filter(Boolean);
  return [...new Set([...given, '/usr/local/sbin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'])];
}

/**
 * Runs a short command to its end. Plain node:child_process: an import of execa takes longer than what is run here.
 *
 * @throws the system's error if it cannot be started
 */
export function run(command: string, args: readonly string[], input = ''): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'pipe', env: toolEnvironment() });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    // The command may end without having read its input; its status tells.
    child.stdin.on('error', () => undefined);
    child.once('error', reject);
    child.once('close', (status) => {
      resolve({ status, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() });
    });
    child.stdin.end(input);
  });
}
