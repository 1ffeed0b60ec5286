import type { Exit, RunResult } from './port.js';

const REFUSALS = [
  /^sudo: a password is required/m,
  /^sudo: a terminal is required/m,
  /^sudo: .*you must have a tty/m,
  /is not in the sudoers file/,
  /^Sorry, user .* (may not run sudo|is not allowed to execute)/m,
];

/**
 * Why `sudo -n` did not even start the script, or undefined where it did. sudo's own failure is code 1 (sudo(8)), or
 * 126/127 from the shell where sudo is missing; nothing has been printed on stdout then.
 */
export function sudoRefusal({ code, stdout, stderr }: Pick<Exit & RunResult, 'code' | 'stdout' | 'stderr'>) {
  if (stdout.length > 0) return undefined;
  const text = stderr.toString('utf8');
  if (code === 1 && REFUSALS.some((refusal) => refusal.test(text))) return text.trim().split('\n').at(-1);
  if ((code === 127 || code === 126) && /sudo: (command )?not found/.test(text)) return 'sudo is not installed';
  return undefined;
}
