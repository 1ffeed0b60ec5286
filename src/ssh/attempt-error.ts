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
