import type { Duplex } from 'node:stream';
import { connect, createSecureContext, type SecureContext } from 'node:tls';
import { messageOf } from './errors.js';
import type { Dial } from './http.js';

/** What a client shows, and whom it believes; all in PEM. */
export interface TlsCredentials {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Milliseconds for a handshake; whoever dials has a limit of its own for all of it. */
const HANDSHAKE = 10_000;

/**
 * Makes the context of a client, once, when it is first needed.
 *
 * @param credentials may throw what the first use will throw
 */
export function tlsContext(credentials: () => TlsCredentials): () => SecureContext {
  let context: SecureContext | undefined;
  return () => (context ??= createSecureContext({ ...credentials(), minVersion: 'TLSv1.2' }));
}

/**
 * Speaks TLS over what `dial` opens, with a certificate on both sides.
 *
 * @param name the DNS name that the server's certificate must be good for
 * @returns a dial that fails where the other side is not that server, or is none for TLS
 */
export function overTls(dial: Dial, context: () => SecureContext, name: string): Dial {
  return async () => {
    const secureContext = context();
    return handshake(await dial(), secureContext, name);
  };
}

function handshake(raw: Duplex, secureContext: SecureContext, name: string): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect({ socket: raw, secureContext, servername: name, ALPNProtocols: ['http/1.1'] });
    const fail = (reason: string): void => {
      clearTimeout(timer);
      raw.destroy();
      reject(new Error(`no TLS with ${name}: ${reason}`));
    };
    const timer = setTimeout(() => {
      fail(`no answer within ${HANDSHAKE / 1000} s`);
    }, HANDSHAKE);
    raw.on('error', () => undefined);
    raw.once('close', () => {
      fail('the connection was closed');
    });
    socket.on('error', (error: Error) => {
      fail(wording(error));
    });
    socket.once('secureConnect', () => {
      clearTimeout(timer);
      socket.once('close', () => raw.destroy());
      resolve(socket);
    });
  });
}

function wording(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EPROTO' || code === 'ERR_SSL_WRONG_VERSION_NUMBER' ? 'it speaks something else' : messageOf(error);
}
