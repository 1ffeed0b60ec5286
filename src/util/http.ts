import { request } from 'node:http';
import type { Duplex } from 'node:stream';

export interface HttpQuestion {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
}

export interface HttpAnswer {
  readonly code: number | undefined;
  readonly text: string;
}

/** One HTTP request and its whole answer over a stream that is open already, and closed afterwards. */
export function exchange(
  socket: Duplex,
  { method, path, body }: HttpQuestion,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers =
      text === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) };
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
