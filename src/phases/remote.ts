import { ETCD_UNIT } from '../etcd/service.js';
import type { Connection, RunResult } from '../ssh/port.js';
import { CoreupError } from '../util/errors.js';
import { sh } from '../util/shell.js';

/**
 * Runs a script as root and wants it to succeed.
 *
 * @throws CoreupError REMOTE_FAILED with what the script printed on stderr
 */
export async function runAsRoot(
  connection: Connection,
  what: string,
  text: string,
  options: { input?: readonly Uint8Array[]; signal?: AbortSignal; timeout?: number } = {},
): Promise<string> {
  const { input, ...rest } = options;
  const result = await connection.run({ text, sudo: true, ...(input ? { input } : {}) }, rest);
  if (result.code !== 0) throw remoteError(what, result);
  return result.stdout.toString();
}

/** The last lines of a unit's journal, for a person to read. */
export async function journalTail(connection: Connection, unit = ETCD_UNIT, lines = 12): Promise<string> {
  const result = await connection.run(
    { text: sh`journalctl --unit=${unit} --lines=${lines} --no-pager --output=cat 2>/dev/null`, sudo: true },
    { timeout: 10_000 },
  );
  return result.stdout.toString().trimEnd();
}

/** An error for a script that ended otherwise than it should. */
export function remoteError(what: string, result: RunResult): CoreupError {
  const end = result.signal === null ? `exit code ${result.code}` : `signal ${result.signal}`;
  const said = result.stderr.toString().trim().split('\n').slice(-3).join('; ');
  return new CoreupError(`${what} failed with ${end}${said === '' ? '' : `: ${said}`}`, { code: 'REMOTE_FAILED' });
}
