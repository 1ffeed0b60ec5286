import { request } from 'node:http';
import type { Duplex } from 'node:stream';
import { messageOf } from './errors.js';

/** Opens a stream to a server, usually from a host itself over SSH. */
export type Dial = () => Promise<Duplex>;

export interface HttpQuestion {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as a form, where there is no body. */
  readonly form?: Readonly<Record<string, string>>;
}

export interface HttpAnswer {
  readonly code: number | undefined;
  readonly text: string;
}

/**
 * One request and its whole answer, over a stream of its own.
 *
 * @param limit milliseconds for all of it
 * @param failed makes the error of a request without an answer; its reason follows "did not answer …"
 * @throws what `failed` makes, or what `dial` throws
 */
export async function askWithin(
  dial: Dial,
  question: HttpQuestion,
  limit: number,
  failed: (reason: string, cause?: unknown) => Error,
): Promise<HttpAnswer> {
  const timeout = AbortSignal.timeout(limit);
  const late = (): Error => failed(` within ${limit / 1000} s`);
  const socket = await dialWithin(dial, timeout, late);
  // What happens to the stream after the answer is of no interest, and must not end the program.
  socket.on('error', () => undefined);
  try {
    return await exchange(socket, question, timeout);
  } catch (error) {
    throw timeout.aborted ? late() : failed(`: ${messageOf(error)}`, error);
  } finally {
    socket.destroy();
  }
}

/** A stream that comes too late is closed. */
async function dialWithin(dial: Dial, timeout: AbortSignal, late: () => Error): Promise<Duplex> {
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

/** One HTTP request and its whole answer over a stream that is open already, and closed afterwards. */
export function exchange(
  socket: Duplex,
  { method, path, body, form }: HttpQuestion,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const asForm = form === undefined ? undefined : new URLSearchParams(form).toString();
    const text = body === undefined ? asForm : JSON.stringify(body);
    const type = body === undefined ? 'application/x-www-form-urlencoded' : 'application/json';
    const headers = text === undefined ? {} : { 'Content-Type': type, 'Content-Length': Buffer.byteLength(text) };
    const outgoing = request(
      // Without an agent, node uses exactly this stream and closes it afterwards.
      { method, path, headers, host: 'localhost', createConnection: () => socket, signal },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          resolve({ code: response.statusCode, text: Buffer.concat(chunks).toString() });
        });
        response.on('error', () => {
          reject(new Error('the answer was cut off'));
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(text);
  });
}
