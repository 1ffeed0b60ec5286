import type { SshTarget } from './port.js';
import { CoreupError, type ErrorDetails } from '../util/errors.js';

/** A host as messages name it: `core-01 (172.17.8.101)`, with the port where it is not 22. */
export function describeTarget({ name, address, port }: SshTarget): string {
  const host = address.includes(':') && port !== 22 ? `[${address}]` : address;
  const place = port === 22 ? host : `${host}:${port}`;
  return name === address ? place : `${name} (${place})`;
}

/** An error about one host; the message starts with the host. */
export function sshError(target: SshTarget, code: string, what: string, details: Omit<ErrorDetails, 'code'> = {}) {
  return new CoreupError(`${describeTarget(target)}: ${what}`, { code, member: target.name, ...details });
}

/** The connection broke under something that was using it. */
export function lost(target: SshTarget, reason: string, cause?: unknown): CoreupError {
  return sshError(target, 'SSH_LOST', `the SSH connection was lost (${reason})`, {
    hint: 'Whether a command that was running finished is not known. Check that the host is up, then run the same command again.',
    cause,
  });
}
