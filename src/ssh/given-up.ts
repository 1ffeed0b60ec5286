import type { CoreupError } from '../util/errors.js';
import type { AttemptError } from './attempt-error.js';
import { sshError } from './errors.js';
import type { HostTrust } from './host-trust.js';
import type { Offer } from './identities.js';
import type { SshTarget } from './port.js';

/** sshd's MaxAuthTries is 6, and each key that it refuses counts. */
const TRIES = 6;

/** What is needed to say what was tried. */
interface Tried {
  readonly trust: HostTrust;
  offer(host: SshTarget): Promise<Offer>;
}

/**
 * The error for a person after the last attempt.
 *
 * @param deadline milliseconds that were spent on it; 0 for one attempt
 */
export async function givenUp(
  target: SshTarget,
  failure: AttemptError,
  deadline: number,
  tried: Tried,
): Promise<CoreupError> {
  const { kind, message: reason, cause, jump } = failure;
  const host = jump ?? target;
  if (kind === 'auth') return refusedLogin(host, await tried.offer(host), cause);
  if (kind === 'incompatible' && /host key format/.test(reason) && (await tried.trust.pinnedTypes(host)).length > 0) {
    return tried.trust.otherType(host);
  }
  if (kind === 'incompatible' && /Handshake failed/.test(reason)) {
    return sshError(target, 'SSH_INCOMPATIBLE', `no common SSH algorithms (${reason})`, {
      hint: 'The host needs an OpenSSH from 2014 or later with its default algorithms.',
      cause,
    });
  }
  const waited = deadline === 0 ? '' : ` within ${deadline / 1000} s`;
  return sshError(target, 'SSH_UNREACHABLE', `not reachable over SSH${waited}: ${reason}`, {
    hint: `Check that the host is up and that sshd answers: ${sshCommand(host)}`,
    cause,
  });
}

function refusedLogin(host: SshTarget, { signers, locked }: Offer, cause: unknown): CoreupError {
  const tried = [...new Set(signers.map(({ label }) => label))].join(', ');
  const skipped =
    locked.length === 0 ? '' : `; not tried, since protected by a passphrase and in no agent: ${locked.join(', ')}`;
  const flood = signers.length < TRIES ? '' : ` ${signers.length} keys are more than sshd lets one try: name the one.`;
  return sshError(host, 'SSH_AUTH', `the host refused the login as ${host.user} (tried ${tried}${skipped})`, {
    hint:
      `Check the user and the key: ${sshCommand(host, '-v')}; the public key must be in ` +
      `~${host.user}/.ssh/authorized_keys on the host.${flood}`,
    cause,
  });
}

/** What a person would type to see for himself. */
function sshCommand({ address, port, user, jump }: SshTarget, ...flags: string[]): string {
  const bracketed = (host: string) => (host.includes(':') ? `[${host}]` : host);
  const way = jump === undefined ? [] : ['-J', `${jump.user}@${bracketed(jump.address)}:${jump.port}`];
  return ['ssh', ...flags, ...way, '-p', String(port), `${user}@${address}`].join(' ');
}
