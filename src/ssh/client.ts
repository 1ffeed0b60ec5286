import pLimit from 'p-limit';
import type ssh2 from 'ssh2';
import { CoreupError } from '../util/errors.js';
import { abortReason, orAbort, pause, stopOn } from './abort.js';
import { SshConnection } from './connection.js';
import { sshError } from './errors.js';
import { AttemptError, handshake } from './handshake.js';
import { createHostTrust, type HostTrust, type TrustOptions } from './host-trust.js';
import { Identities } from './identities.js';
import type { Connection, ConnectOptions, Ssh, SshTarget } from './port.js';

export interface SshOptions extends TrustOptions {
  /** Socket of the ssh agent; SSH_AUTH_SOCK where not given, `false` for none. */
  readonly agent?: string | false;
  /** Where `.ssh` with the user's usual keys is; the home directory where not given. */
  readonly home?: string;
  /** Milliseconds in which one attempt must have logged in. */
  readonly attemptTimeout?: number;
  /** Milliseconds between keepalive requests; a peer silent for `count` of them is given up. */
  readonly keepalive?: { readonly interval: number; readonly count: number };
}

/** Handshakes at once, over all hosts: more only makes each of them slower. */
const HANDSHAKES = 30;
const ATTEMPT_TIMEOUT = 10_000;
const KEEPALIVE = { interval: 5000, count: 3 };
/** Milliseconds before the first retry, doubled each time up to the second figure. A local host boots in a second. */
const BACK_OFF = { first: 50, most: 1000 };
/**
 * Milliseconds to wait after refused logins. A booting host may not let the user in yet (pam_nologin, an account still
 * to be made), but sshd counts refusals and, from 9.8 on, shuts out an address that has too many (PerSourcePenalties).
 */
const AUTH_GRACE = [500, 1000];

/** The way to hosts over ssh2, which is loaded with the first connection. */
export function createSsh(options: SshOptions): Ssh {
  return new Pool(options);
}

/** One handshake that several callers may be waiting for; it is given up when the last of them has left. */
interface Attempt {
  readonly connection: Promise<SshConnection>;
  readonly controller: AbortController;
  waiting: number;
  stage: string;
}

class Pool implements Ssh {
  readonly #trust: HostTrust;
  readonly #identities: Identities;
  readonly #limit = pLimit(HANDSHAKES);
  readonly #standing = new Map<string, SshConnection>();
  readonly #attempts = new Map<string, Attempt>();
  readonly #closed = new AbortController();

  constructor(private readonly options: SshOptions) {
    this.#trust = createHostTrust(options);
    const { agent = process.env.SSH_AUTH_SOCK, home } = options;
    this.#identities = new Identities({
      agent: agent === false || agent === '' ? undefined : agent,
      ...(home !== undefined && { home }),
    });
  }

  /**
   * @throws CoreupError SSH_UNREACHABLE, SSH_AUTH, SSH_INCOMPATIBLE, SSH_HOST_KEY_* or SSH_KEY_*; the signal's reason
   */
  async connect(target: SshTarget, { signal, deadline, onRetry }: ConnectOptions): Promise<Connection> {
    const started = performance.now();
    const left = () => started + deadline - performance.now();
    const stop = stopOn(
      [signal, this.#closed.signal],
      deadline === 0 ? undefined : { after: deadline, error: () => new DeadlineError() },
    );
    let failure: AttemptError | undefined;
    let refusals = 0;
    try {
      for (let delay = BACK_OFF.first; ; delay = Math.min(delay * 2, BACK_OFF.most)) {
        try {
          return await this.#connected(target, stop.signal);
        } catch (error) {
          if (!(error instanceof AttemptError)) throw error;
          failure = error;
        }
        const wait =
          failure.kind === 'auth' ? AUTH_GRACE[refusals++] : failure.kind === 'unreachable' ? delay : undefined;
        if (wait === undefined || left() <= wait) throw await this.#givenUp(target, failure, deadline);
        onRetry?.(failure.message);
        await pause(wait, stop.signal);
      }
    } catch (error) {
      if (!(error instanceof DeadlineError)) throw error;
      throw await this.#givenUp(target, failure ?? new AttemptError('unreachable', error.stage), deadline);
    } finally {
      stop.dispose();
    }
  }

  async close(): Promise<void> {
    this.#closed.abort(new CoreupError('the SSH connections have been closed', { code: 'SSH_CLOSED' }));
    await Promise.all([...this.#standing.values()].map((connection) => connection.close()));
  }

  async #connected(target: SshTarget, stop: AbortSignal): Promise<SshConnection> {
    const key = `${target.user}@${target.address}:${target.port}`;
    const standing = this.#standing.get(key);
    if (standing !== undefined) return standing;
    const attempt = this.#attempts.get(key) ?? this.#begin(key, target);
    attempt.waiting++;
    try {
      return await orAbort(attempt.connection, stop);
    } catch (error) {
      if (error instanceof DeadlineError) error.stage = attempt.stage;
      throw error;
    } finally {
      if (--attempt.waiting === 0) attempt.controller.abort();
    }
  }

  #begin(key: string, target: SshTarget): Attempt {
    const controller = new AbortController();
    const connection = this.#limit(() => this.#handshake(key, target, attempt)).finally(() => {
      if (this.#attempts.get(key) === attempt) this.#attempts.delete(key);
    });
    connection.catch(() => undefined); // every caller may have left
    const attempt: Attempt = { connection, controller, waiting: 0, stage: 'too many other hosts to connect to' };
    // A caller that comes after the last one has left starts anew.
    controller.signal.addEventListener('abort', () => {
      if (this.#attempts.get(key) === attempt) this.#attempts.delete(key);
    });
    this.#attempts.set(key, attempt);
    return attempt;
  }

  async #handshake(key: string, target: SshTarget, attempt: Attempt): Promise<SshConnection> {
    const { signal } = attempt.controller;
    const library = await loadSsh2();
    const identities = await this.#identities.of(target, library);
    const { attemptTimeout = ATTEMPT_TIMEOUT, keepalive = KEEPALIVE } = this.options;
    const loggedIn = await handshake(target, {
      library,
      trust: this.#trust,
      identities,
      timeout: attemptTimeout,
      keepalive: keepalive.interval,
      signal,
      onStage: (stage) => (attempt.stage = stage),
    });
    if (this.#closed.signal.aborted) {
      loggedIn.client.end();
      throw abortReason(this.#closed.signal);
    }
    const connection = new SshConnection(target, loggedIn, {
      keepalive,
      onGone: () => {
        if (this.#standing.get(key) === connection) this.#standing.delete(key);
      },
    });
    this.#standing.set(key, connection);
    return connection;
  }

  async #givenUp(target: SshTarget, failure: AttemptError, deadline: number): Promise<CoreupError> {
    const { message: reason, cause } = failure;
    if (failure.kind === 'auth') {
      const tried = (await this.#identities.of(target, await loadSsh2())).map(({ label }) => label).join(', ');
      return sshError(target, 'SSH_AUTH', `the host refused the login as ${target.user} (tried ${tried})`, {
        hint: `Check the user and the key: ssh -v -p ${target.port} ${target.user}@${target.address}; the public key must be in ~${target.user}/.ssh/authorized_keys on the host.`,
        cause,
      });
    }
    if (
      failure.kind === 'incompatible' &&
      /host key format/.test(reason) &&
      (await this.#trust.pinnedTypes(target)).length > 0
    ) {
      return this.#trust.otherType(target);
    }
    if (failure.kind === 'incompatible' && reason.startsWith('Handshake failed')) {
      return sshError(target, 'SSH_INCOMPATIBLE', `no common SSH algorithms (${reason})`, {
        hint: 'The host needs an OpenSSH from 2014 or later with its default algorithms.',
        cause,
      });
    }
    const waited = deadline === 0 ? '' : ` within ${deadline / 1000} s`;
    return sshError(target, 'SSH_UNREACHABLE', `not reachable over SSH${waited}: ${reason}`, {
      hint: `Check that the host is up and that sshd answers: ssh -p ${target.port} ${target.user}@${target.address}`,
      cause,
    });
  }
}

/** The caller's own time is over; the attempt may go on for others. */
class DeadlineError extends Error {
  stage = 'no attempt was finished';
}

async function loadSsh2(): Promise<typeof ssh2> {
  return (await import('ssh2')).default;
}
