import type { Duplex } from 'node:stream';
import { CoreupError, messageOf } from '../util/errors.js';
import { exchange, type HttpAnswer, type HttpQuestion } from '../util/http.js';

/** Opens a TCP stream to a member's client port, usually from the host itself over SSH. */
export type Dial = () => Promise<Duplex>;

/**
 * One request to an etcd and its whole answer, over a stream of its own.
 *
 * @param limit milliseconds for all of it, since a member without a leader answers some requests late or never
 * @throws CoreupError ETCD_REQUEST, or what `dial` throws
 */
export async function ask(dial: Dial, question: HttpQuestion, limit: number): Promise<HttpAnswer> {
  const timeout = AbortSignal.timeout(limit);
  const late = (): CoreupError => problem(`etcd did not answer ${question.path} within ${limit / 1000} s`);
  const socket = await dialWithin(dial, timeout, late);
  // What happens to the stream after the answer is of no interest, and must not end the program.
  socket.on('error', () => undefined);
  try {
    return await exchange(socket, question, timeout);
  } catch (error) {
    throw timeout.aborted ? late() : problem(`etcd did not answer ${question.path}: ${messageOf(error)}`, error);
  } finally {
    socket.destroy();
  }
}

/** An etcd that cannot be asked, or does not answer as it should. */
export function problem(message: string, cause?: unknown): CoreupError {
  return new CoreupError(message, { code: 'ETCD_REQUEST', cause });
}

/** A stream that comes too late is closed. */
async function dialWithin(dial: Dial, timeout: AbortSignal, late: () => CoreupError): Promise<Duplex> {
  const dialled = dial();
  return new Promise((resolve, reject) => {
    timeout.addEventListener('abort', () => {
      reject(late());
    });
    dialled.then((socket) => {
      if (timeout.aborted) socket.destroy();
      else resolve(socket);
    }, reject);
  });
}
