import pLimit from 'p-limit';
import type ssh2 from 'ssh2';
import { CoreupError, InterruptedError } from '../util/errors.js';
import { abortReason, orAbort, pause, stopOn, throwIfAborted } from './abort.js';
import { keyring } from './agent.js';
import { AttemptError } from './attempt-error.js';
import { SshConnection } from './connection.js';
import { describeTarget } from './errors.js';
import { givenUp } from './given-up.js';
import { handshake } from './handshake.js';
import { HostTrust, type TrustOptions } from './host-trust.js';
import { Identities } from './identities.js';
import { LockedKeys, type AskSecret } from './locked-keys.js';
import type { Connection, ConnectOptions, Ssh, SshTarget } from './port.js';
import { Questions } from './questions.js';
import { SudoPasswords } from './sudo-passwords.js';

export interface SshOptions extends TrustOptions {
  /** Asks for passphrases and sudo passwords; absent where there is no terminal. */
  readonly askSecret?: AskSecret;
  /** Gives the sudo password where there is nobody to ask; undefined where there is none. */
  readonly sudoPassword?: () => Promise<string | undefined>;
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
  readonly #questions = new Questions();
  readonly #trust: HostTrust;
  readonly #identities: Identities;
  readonly #passwords: SudoPasswords;
  readonly #limit = pLimit(HANDSHAKES);
  readonly #standing = new Map<string, SshConnection>();
  readonly #attempts = new Map<string, Attempt>();
  readonly #closed = new AbortController();

  constructor(private readonly options: SshOptions) {
    this.#trust = new HostTrust(options, this.#questions);
    const { agent = process.env.SSH_AUTH_SOCK, home, askSecret, sudoPassword } = options;
    this.#passwords = new SudoPasswords(this.#questions, { askSecret, given: sudoPassword });
    this.#identities = new Identities({
      agent: agent === false || agent === '' ? undefined : agent,
      ...(home !== undefined && { home }),
      locked: new LockedKeys(this.#questions, askSecret),
    });
  }

  prepare(): void {
    // The connection will tell why it cannot be loaded.
    loadSsh2().catch(() => undefined);
  }

  /**
   * @throws CoreupError SSH_UNREACHABLE, SSH_AUTH, SSH_INCOMPATIBLE, SSH_HOST_KEY_* or SSH_KEY_*; the signal's reason
   */
  async connect(target: SshTarget, { signal, deadline, onRetry }: ConnectOptions): Promise<Connection> {
    const begun = performance.now() - this.#questions.held;
    const left = () => begun + deadline - (performance.now() - this.#questions.held);
    const over = new AbortController();
    const stopTimer =
      deadline === 0
        ? () => undefined
        : this.#questions.timer(deadline, () => {
            over.abort(new DeadlineError());
          });
    const stop = stopOn([signal, this.#closed.signal, over.signal]);
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
      stopTimer();
      stop.dispose();
    }
  }

  async close(): Promise<void> {
    this.#closed.abort(new CoreupError('the SSH connections have been closed', { code: 'SSH_CLOSED' }));
    // What lies behind a jump host goes first.
    for (const depth of [...new Set([...this.#standing.values()].map(depthOf))].sort((a, b) => b - a)) {
      const level = [...this.#standing.values()].filter((connection) => depthOf(connection) === depth);
      await Promise.all(level.map((connection) => connection.close()));
    }
  }

  async #connected(target: SshTarget, stop: AbortSignal): Promise<SshConnection> {
    const key = keyOf(target);
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
    // The jump host first, and not within the limit: many waiting for it would leave no room for it.
    const connection = this.#jumpTo(target, controller.signal)
      .then((jump) => this.#limit(() => this.#handshake(key, target, attempt, jump)))
      .finally(() => {
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

  async #jumpTo({ jump }: SshTarget, signal: AbortSignal): Promise<SshConnection | undefined> {
    if (jump === undefined) return undefined;
    try {
      return await this.#connected(jump, signal);
    } catch (error) {
      if (!(error instanceof AttemptError)) throw error;
      const message = error.jump === undefined ? `${describeTarget(jump)}: ${error.message}` : error.message;
      throw new AttemptError(error.kind, message, error, error.jump ?? jump);
    }
  }

  async #handshake(
    key: string,
    target: SshTarget,
    attempt: Attempt,
    jump: SshConnection | undefined,
  ): Promise<SshConnection> {
    const { signal } = attempt.controller;
    throwIfAborted(signal);
    const library = await loadSsh2();
    const { signers } = await this.#identities.of(target, library);
    const keys = keyring(library, signers, (error) => {
      // Ctrl-C at a question is no refusal of a key.
      if (error instanceof InterruptedError) attempt.controller.abort(error);
    });
    const { attemptTimeout = ATTEMPT_TIMEOUT, keepalive = KEEPALIVE } = this.options;
    const loggedIn = await handshake(target, {
      library,
      trust: this.#trust,
      keys,
      jump,
      questions: this.#questions,
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
      passwords: this.#passwords,
      onGone: () => {
        if (this.#standing.get(key) === connection) this.#standing.delete(key);
      },
    });
    this.#standing.set(key, connection);
    return connection;
  }

  async #givenUp(target: SshTarget, failure: AttemptError, deadline: number): Promise<CoreupError> {
    return givenUp(target, failure, deadline, {
      trust: this.#trust,
      offer: async (host) => this.#identities.of(host, await loadSsh2()),
    });
  }
}

/** Connections are shared by those who go the same way to the same account. */
function keyOf({ user, address, port, jump }: SshTarget): string {
  return `${user}@${address}:${port}${jump === undefined ? '' : ` through ${keyOf(jump)}`}`;
}

/** How many jump hosts lie before it. */
function depthOf({ target }: { readonly target: SshTarget }): number {
  return target.jump === undefined ? 0 : 1 + depthOf({ target: target.jump });
}

/** The caller's own time is over; the attempt may go on for others. */
class DeadlineError extends Error {
  stage = 'no attempt was finished';
}

async function loadSsh2(): Promise<typeof ssh2> {
  return (await import('ssh2')).default;
}
