import { connect, type Socket } from 'node:net';
import type ssh2 from 'ssh2';
import type { Client, ServerHostKeyAlgorithm } from 'ssh2';
import { messageOf } from '../util/errors.js';
import { abortReason, throwIfAborted } from './abort.js';
import type { HostTrust } from './host-trust.js';
import type { Identity } from './identities.js';
import type { SshTarget } from './port.js';

export interface HandshakeOptions {
  readonly library: typeof ssh2;
  readonly trust: HostTrust;
  readonly identities: readonly Identity[];
  /** Milliseconds from dialling to being logged in; time in which a person is asked does not count. */
  readonly timeout: number;
  /** Milliseconds between keepalive requests. */
  readonly keepalive: number;
  readonly signal: AbortSignal;
  /** Told what is being waited for, for the message when it takes too long. */
  readonly onStage: (stage: string) => void;
}

export interface LoggedIn {
  readonly client: Client;
  readonly socket: Socket;
}

/** Why an attempt failed, and so whether another one makes sense. */
export class AttemptError extends Error {
  constructor(
    readonly kind: 'unreachable' | 'auth' | 'incompatible',
    message: string,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
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
  const { library, trust, identities, signal, onStage } = options;
  const pinned = await trust.pinnedTypes(target);
  const serverHostKey = pinned.length === 0 ? HOST_KEYS : HOST_KEYS.filter((name) => pinned.includes(plainType(name)));
  throwIfAborted(signal);

  onStage('no answer from the network');
  const socket = connect({ host: target.address, port: target.port, noDelay: true });
  const client = new library.Client();

  return new Promise<LoggedIn>((resolve, reject) => {
    let timer: NodeJS.Timeout;
    let settled = false;
    let stage = '';
    const at = (name: string) => {
      stage = name;
      onStage(name);
    };
    const settle = () => {
      settled = true;
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    };
    const fail = (error: unknown) => {
      if (settled) return;
      settle();
      client.destroy();
      socket.destroy();
      reject(error instanceof Error ? error : new Error(String(error)));
    };
    const onAbort = () => {
      fail(abortReason(signal));
    };
    const startTimer = (milliseconds: number) => {
      timer = setTimeout(() => {
        fail(new AttemptError('unreachable', `${stage} within ${milliseconds / 1000} s`));
      }, milliseconds);
    };

    signal.addEventListener('abort', onAbort, { once: true });
    at('no answer from the network');
    startTimer(options.timeout);

    socket.once('connect', () => {
      at('connected, but no SSH handshake');
    });
    client.once('handshake', () => {
      at('the SSH handshake was done, but no login');
    });
    client.once('ready', () => {
      settle();
      resolve({ client, socket });
    });
    client.once('close', () => {
      fail(new AttemptError('unreachable', `the host closed the connection (${stage})`));
    });
    // Stays for good: ssh2 may report more than one error, and an unheard one would end the process.
    client.on('error', (error: Error & { level?: string }) => {
      if (error.level === 'agent') return; // ssh2 goes on with the next key by itself
      fail(attemptError(error));
    });

    try {
      client.connect({
        sock: socket,
        username: target.user,
        algorithms: { ...mutable(ALGORITHMS), serverHostKey: [...serverHostKey] },
        readyTimeout: 0,
        keepaliveInterval: options.keepalive,
        // Liveness judges (see liveness.ts); ssh2's own count would call a slow upload dead.
        keepaliveCountMax: Number.MAX_SAFE_INTEGER,
        authHandler: identities.map(({ method }) => method),
        hostVerifier: (key: Buffer, decide: (trusted: boolean) => void) => {
          clearTimeout(timer);
          trust.verify(target, key).then(
            () => {
              if (!settled) startTimer(options.timeout); // settled: the key is shown again when keys are renewed
              decide(true);
            },
            (error: unknown) => {
              fail(error);
              decide(false);
            },
          );
        },
      });
    } catch (error) {
      fail(error);
    }
  });
}

function attemptError(error: Error & { level?: string; code?: unknown }): AttemptError {
  const { level, code, message } = error;
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
