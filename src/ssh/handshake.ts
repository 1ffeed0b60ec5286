import type { Duplex } from 'node:stream';
import type ssh2 from 'ssh2';
import type { AgentAuthMethod, BaseAgent, Client } from 'ssh2';
import { abortReason, throwIfAborted } from './abort.js';
import { ALGORITHMS, HOST_KEYS } from './algorithms.js';
import { AttemptError, attemptError } from './attempt-error.js';
import { certificateOf } from './certificate-of.js';
import type { HostTrust } from './host-trust.js';
import { keyType } from './known-hosts.js';
import type { Connection, SshTarget } from './port.js';
import type { Questions } from './questions.js';
import { wayTo } from './way.js';

export interface HandshakeOptions {
  readonly library: typeof ssh2;
  readonly trust: HostTrust;
  /** The keys to offer. */
  readonly keys: BaseAgent;
  /** The connection to the host that this one is behind. */
  readonly jump?: Connection | undefined;
  /** Milliseconds from dialling to being logged in; time in which a person is asked does not count. */
  readonly timeout: number;
  readonly questions: Questions;
  /** Milliseconds between keepalive requests. */
  readonly keepalive: number;
  readonly signal: AbortSignal;
  /** Told what is being waited for, for the message when it takes too long. */
  readonly onStage: (stage: string) => void;
}

export interface LoggedIn {
  readonly client: Client;
  readonly socket: Duplex;
}

/**
 * One attempt: dial, check the host's key, log in.
 *
 * @throws AttemptError when the host could not be reached or refused; CoreupError when its key must not be trusted
 */
export async function handshake(target: SshTarget, options: HandshakeOptions): Promise<LoggedIn> {
  const { library, trust, signal, onStage } = options;
  const vouched = await trust.vouched(target, () => certificateOf(target, options));
  const pinned = vouched.key === undefined ? await trust.pinnedTypes(target) : [keyType(vouched.key)];
  const { hostKey, ...restricted } = target.algorithms ?? {};
  const serverHostKey = HOST_KEYS.filter(
    (name) =>
      (pinned.length === 0 || pinned.includes(plainType(name))) &&
      // What is vouched for has been allowed as a certificate.
      (vouched.key !== undefined || hostKey?.includes(name) !== false),
  );
  if (serverHostKey.length === 0) throw noHostKeys(pinned);
  throwIfAborted(signal);

  let stage = '';
  const at = (name: string) => {
    stage = name;
    onStage(name);
  };
  const way = wayTo(target, options.jump);
  const client = new library.Client();

  return new Promise<LoggedIn>((resolve, reject) => {
    let settled = false;
    const settle = () => {
      settled = true;
      stopTimer();
      signal.removeEventListener('abort', onAbort);
    };
    const fail = (error: unknown) => {
      if (settled) return;
      settle();
      client.destroy();
      way.abandon();
      reject(error instanceof Error ? error : new Error(String(error)));
    };
    const onAbort = () => {
      fail(abortReason(signal));
    };
    const stopTimer = options.questions.timer(options.timeout, () => {
      fail(new AttemptError('unreachable', `${stage} within ${options.timeout / 1000} s`));
    });

    signal.addEventListener('abort', onAbort, { once: true });
    at(way.stage);
    client.once('handshake', () => {
      at('the SSH handshake was done, but no login');
    });
    client.once('close', () => {
      fail(new AttemptError('unreachable', `the host closed the connection (${stage})`));
    });
    // Stays for good: ssh2 may report more than one error, and an unheard one would end the process.
    client.on('error', (error: Error & { level?: string }) => {
      if (error.level === 'agent') return; // ssh2 goes on with the next key by itself
      fail(attemptError(error));
    });

    const logIn = (socket: Duplex) => {
      if (settled) {
        socket.destroy();
        return;
      }
      at('connected, but no SSH handshake');
      client.once('ready', () => {
        settle();
        resolve({ client, socket });
      });
      const logInWith: AgentAuthMethod = { type: 'agent', username: target.user, agent: options.keys };
      client.connect({
        sock: socket,
        username: target.user,
        algorithms: {
          ...mutable({ ...ALGORITHMS, ...restricted } as typeof ALGORITHMS),
          serverHostKey: [...serverHostKey],
        },
        readyTimeout: 0,
        keepaliveInterval: options.keepalive,
        // Liveness judges (see liveness.ts); ssh2's own count would call a slow upload dead.
        keepaliveCountMax: Number.MAX_SAFE_INTEGER,
        authHandler: [logInWith],
        hostVerifier: (key: Buffer, decide: (trusted: boolean) => void) => {
          trust.verify(target, key, vouched).then(
            () => {
              decide(true);
            },
            (error: unknown) => {
              fail(error);
              decide(false);
            },
          );
        },
      });
    };
    way.opened
      .then(logIn, (error: unknown) => {
        fail(attemptError(error as Error));
      })
      .catch(fail);
  });
}

function noHostKeys(pinned: readonly (string | undefined)[]): AttemptError {
  const ofType =
    pinned.length === 0 ? 'that coreup knows' : `of the type that is known of this host (${pinned.join(', ')})`;
  return new AttemptError('incompatible', `HostKeyAlgorithms in your ssh configuration allows no host key ${ofType}`);
}

/** The key type behind a signature algorithm: RSA keys sign in several ways. */
function plainType(algorithm: string): string {
  return algorithm.startsWith('rsa-sha2-') ? 'ssh-rsa' : algorithm;
}

function mutable<T extends Record<string, readonly unknown[]>>(lists: T): { [K in keyof T]: T[K][number][] } {
  return Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, [...list]])) as never;
}
