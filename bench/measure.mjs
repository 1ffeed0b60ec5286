import { spawn } from 'node:child_process';

/**
 * Runs a program to its end.
 *
 * @returns {Promise<{ milliseconds: number, output: string }>} from the spawn to the exit, as the caller sees it
 * @throws if it ends with anything but 0: what does not work is not measured
 */
export function succeed(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const started = process.hrtime.bigint();
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    let ended = started;
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('error', reject);
    child.on('exit', () => (ended = process.hrtime.bigint()));
    child.on('close', (code, signal) => {
      if (code === 0) resolve({ milliseconds: Number(ended - started) / 1e6, output });
      else reject(new Error(`${command} ${args.join(' ')} ended with ${code ?? signal}:\n${output}`));
    });
  });
}

/** Runs several ways to do the same in turn, so that a busy moment of the machine hits all of them. */
export async function inTurn(rounds, ways) {
  const times = ways.map(() => []);
  for (let round = 0; round < rounds; round++) {
    // Who comes first changes, too.
    const order = ways.map((_, position) => (position + round) % ways.length);
    for (const position of order) times[position].push(await ways[position]());
  }
  return times;
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)] : (sorted[middle - 1] + sorted[middle]) / 2;
}
