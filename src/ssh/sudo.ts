import { randomBytes } from 'node:crypto';
import { quote } from '../util/shell.js';
import type { Exit, RunResult } from './port.js';

const REFUSALS = [
  /^sudo: (a password|interactive authentication) is required/m,
  /^sudo: a terminal is required/m,
  /^sudo: .*you must have a tty/m,
  /^sudo: \d+ incorrect password attempts?/m,
  /^sudo: account validation failure/m,
  /^sudo: timed out reading password/m,
  /is not in the sudoers file/,
  /is not allowed to run sudo/,
  /^Sorry, user .* (may not run sudo|is not allowed to execute)/m,
];

/**
 * Why sudo did not even start the script, or undefined where it did. sudo's own failure is code 1 (sudo(8)), or
 * 126/127 from the shell where sudo is missing; nothing has been printed on stdout then.
 */
export function sudoRefusal({ code, stdout, stderr }: Pick<Exit & RunResult, 'code' | 'stdout' | 'stderr'>) {
  if (stdout.length > 0) return undefined;
  const text = stderr.toString('utf8');
  if (code === 1 && REFUSALS.some((refusal) => refusal.test(text))) return text.trim().split('\n').at(-1);
  if ((code === 127 || code === 126) && /sudo: (command )?not found|sudo.?: No such file/.test(text))
    return 'sudo is not installed';
  return undefined;
}

/** Whether a refusal of `sudo -n` means that it wants a password. */
export function wantsPassword(refusal: string): boolean {
  return /^sudo: (a password|interactive authentication) is required/.test(refusal);
}

/** What sudo prints when it asks, and what is printed when it has started the command. Nobody else prints these. */
export interface SudoMarkers {
  readonly prompt: string;
  readonly started: string;
}

export function sudoMarkers(): SudoMarkers {
  const nonce = randomBytes(8).toString('hex');
  return { prompt: `[coreup-${nonce}-password]`, started: `[coreup-${nonce}-started]` };
}

/** sudo with its messages in English, whatever the host speaks: they are read. */
const SUDO = 'exec env -u LC_ALL LC_MESSAGES=C sudo';

/** @param command words for the host's shell */
export function withoutPassword(command: string): string {
  return `${SUDO} -n -- ${command}`;
}

/**
 * A command line that runs `command` as root once the password has come on stdin. It holds no secret. `started` is printed
 * on stderr before the command reads anything, so that a password never reaches the command.
 *
 * @param command words for the host's shell
 */
export function withPassword(command: string, { prompt, started }: SudoMarkers): string {
  return `${SUDO} -S -p ${quote(prompt)} -- sh -c ${quote(`printf %s ${quote(started)} >&2; exec ${command}`)}`;
}
