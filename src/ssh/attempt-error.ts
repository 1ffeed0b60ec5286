import { CoreupError, messageOf } from '../util/errors.js';
import type { SshTarget } from './port.js';

/** Why an attempt failed, and so whether another one makes sense. */
export class AttemptError extends Error {
  constructor(
    readonly kind: 'unreachable' | 'auth' | 'incompatible',
    message: string,
    cause?: unknown,
    /** The jump host that it is about, where it is not the host itself. */
    readonly jump?: SshTarget,
  ) {
    super(message, { cause });
  }
}

/** What went wrong in an attempt, as a reason to try again or not; what is no failure of an attempt stays as it is. */
export function attemptError(error: Error & { level?: string; code?: unknown }): Error {
  const { level, code, message } = error;
  if (error instanceof AttemptError || error instanceof CoreupError) return error;
  if (level === 'client-authentication' || /too many authentication failures/i.test(message)) {
    return new AttemptError('auth', message, error);
  }
  if (/^Handshake failed: no matching/.test(message)) return new AttemptError('incompatible', message, error);
  return new AttemptError(code === 'ENOTFOUND' ? 'incompatible' : 'unreachable', plainReason(error), error);
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused: nothing listens on that port',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  ETIMEDOUT: 'no answer from the network',
  EADDRNOTAVAIL: 'this machine has not the address to connect from (BindAddress)',
  ECONNRESET: 'the host reset the connection',
  EPIPE: 'the host closed the connection',
  ENOTFOUND: 'the name does not resolve to an address',
  EAI_AGAIN: 'name resolution failed for the moment',
};

function plainReason(error: Error & { code?: unknown }): string {
  if (typeof error.code === 'string') return REASONS[error.code] ?? (error.message || error.code);
  if (error.message === 'Connection lost before handshake')
    return 'the host closed the connection before its SSH greeting';
  return messageOf(error) || 'unknown reason';
}
