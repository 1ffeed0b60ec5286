import type { Duplex } from 'node:stream';
import type ssh2 from 'ssh2';
import type { AgentAuthMethod, BaseAgent, Client, ServerHostKeyAlgorithm } from 'ssh2';
import { CoreupError, messageOf } from '../util/errors.js';
import { abortReason, throwIfAborted } from './abort.js';
import { AttemptError } from './attempt-error.js';
import type { HostTrust } from './host-trust.js';
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
 * The key exchange is not what costs here (a login takes 40 ms, most of it sshd's forks): X25519 because everybody has
 * it. AES-GCM before ChaCha20: 64 MB cost Node 100 to 160 ms of CPU, against 200 to 290 for ChaCha20 where ssh2's native
 * part is not built. No compression: it doubles the time on a fast link. The rest is there for hosts that lack these.
 */
const ALGORITHMS = {
  kex: ['curve25519-sha256', 'curve25519-sha256@libssh.org', 'ecdh-sha2-nistp256', 'diffie-hellman-group14-sha256'],
  cipher: [
    'aes128-gcm@openssh.com',
    'aes256-gcm@openssh.com',
    'chacha20-poly1305@openssh.com',
    'aes128-ctr',
    'aes256-ctr',
  ],
  hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256', 'hmac-sha2-512'],
  compress: ['none'],
} as const;

const HOST_KEYS: readonly ServerHostKeyAlgorithm[] = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
];

/**
 * One attempt: dial, check the host's key, log in.
 *
 * @throws AttemptError when the host could not be reached or refused; CoreupError when its key must not be trusted
 */
export async function handshake(target: SshTarget, options: HandshakeOptions): Promise<LoggedIn> {
  const { library, trust, signal, onStage } = options;
  const pinned = await trust.pinnedTypes(target);
  const serverHostKey = pinned.length === 0 ? HOST_KEYS : HOST_KEYS.filter((name) => pinned.includes(plainType(name)));
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
        algorithms: { ...mutable(ALGORITHMS), serverHostKey: [...serverHostKey] },
        readyTimeout: 0,
        keepaliveInterval: options.keepalive,
        // Liveness judges (see liveness.ts); ssh2's own count would call a slow upload dead.
        keepaliveCountMax: Number.MAX_SAFE_INTEGER,
        authHandler: [logInWith],
        hostVerifier: (key: Buffer, decide: (trusted: boolean) => void) => {
          trust.verify(target, key).then(
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

function attemptError(error: Error & { level?: string; code?: unknown }): Error {
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

/** The key type behind a signature algorithm: RSA keys sign in several ways. */
function plainType(algorithm: string): string {
  return algorithm.startsWith('rsa-sha2-') ? 'ssh-rsa' : algorithm;
}

function mutable<T extends Record<string, readonly unknown[]>>(lists: T): { [K in keyof T]: T[K][number][] } {
  return Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, [...list]])) as never;
}
