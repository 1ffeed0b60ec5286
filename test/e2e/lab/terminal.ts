import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { quote } from '../../../src/util/shell.js';
import { PROGRAM, type TestProject } from './project.js';

/**
 * Runs the program on a terminal of its own, and types an answer each time the next question shows.
 *
 * @returns all that the terminal showed; a run that asks more than is answered is ended after 100 s, without a code
 */
export async function onTerminal(
  project: TestProject,
  args: readonly string[],
  answers: readonly (readonly [question: RegExp, answer: string])[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number | null; readonly text: string }> {
  const command = [process.execPath, PROGRAM, ...args].map(quote).join(' ');
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    cwd: project.directory,
    env: {
      ...process.env,
      COREUP_DATA_DIR: project.dataDir,
      NO_COLOR: '1',
      CI: 'true',
      SSH_AUTH_SOCK: '',
      ...env,
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let text = '';
  let from = 0;
  let next = 0;
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    const [question, answer] = answers[next] ?? [];
    const match = question?.exec(text.slice(from));
    if (match === null || match === undefined || answer === undefined) return;
    next++;
    from = text.length;
    child.stdin.write(`${answer}\r`);
  });
  // A question that nobody expects must not keep the test.
  const run = { kept: false };
  const timer = setTimeout(() => {
    run.kept = true;
    child.kill();
  }, 100_000);
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(timer);
  return { code: run.kept ? null : code, text };
}

/** How often a terminal showed a text. */
export function timesIn(text: string, what: string): number {
  return text.split(what).length - 1;
}
