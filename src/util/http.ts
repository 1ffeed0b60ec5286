import { request } from 'node:http';
import type { Duplex } from 'node:stream';

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
