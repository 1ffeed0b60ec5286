import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { messageOf } from '../../util/errors.js';
import { indexNotANumber, invalidField, invalidForm, KeysError } from './errors.js';
import type { Change, KeyStore } from './store.js';

const PREFIX = '/v2/keys';
/** A registration is one line; more is no member's. */
const MOST_BYTES = 16 * 1024;

/**
 * Takes a key that a client wants to create (`PUT KEY?prevExist=false`, all that a registration is).
 *
 * @throws KeysError to refuse it
 */
export type Create = (key: string, value: string) => Promise<Change>;

/**
 * The part of etcd's v2 keys API that discovery uses (etcd, etcdserver/api/v2discovery and client/keys.go): reading keys
 * and directories, creating keys, and long polls. Listens nowhere by itself: streams are handed to it.
 */
export class KeysServer {
  readonly #http: Server;

  constructor(
    private readonly store: KeyStore,
    private readonly create: Create,
  ) {
    this.#http = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        const known =
          error instanceof KeysError
            ? error
            : new KeysError(300, 500, 'Raft Internal Error', messageOf(error), this.store.index);
        if (response.headersSent) response.destroy();
        else this.#send(response, known.status, known.body);
      });
    });
    // A long poll lasts until the last member has come.
    this.#http.requestTimeout = 0;
    this.#http.on('clientError', (_error, socket) => socket.destroy());
  }

  /** Serves one client. */
  serve(stream: Duplex): void {
    stream.on('error', () => undefined); // clients come and go
    this.#http.emit('connection', stream);
  }

  /** Ends all connections. */
  close(): void {
    this.#http.closeAllConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', 'http://discovery');
    const key = keyOf(url.pathname);
    if (key === undefined) {
      this.#send(response, 404, '404 page not found\n');
    } else if (request.method === 'GET' && flag(url, 'wait', this.store.index)) {
      this.#wait(request, response, url, key);
    } else if (request.method === 'GET') {
      this.#read(response, key);
    } else if (request.method === 'PUT') {
      await this.#put(request, response, url, key);
    } else {
      response.setHeader('Allow', 'GET,PUT');
      this.#send(response, 405, 'Method Not Allowed\n');
    }
  }

  /** Only creating: what is set is set by who runs this server. */
  async #put(request: IncomingMessage, response: ServerResponse, url: URL, key: string): Promise<void> {
    const { index } = this.store;
    const form = new URLSearchParams(await bodyOf(request, index));
    if (url.searchParams.get('prevExist') !== 'false') {
      throw invalidField('this server takes only prevExist=false', index);
    }
    const { action, node } = await this.create(key, form.get('value') ?? '');
    this.#send(response, 201, `${JSON.stringify({ action, node })}\n`);
  }

  #read(response: ServerResponse, key: string): void {
    const node = this.store.get(key);
    this.#send(response, 200, `${JSON.stringify({ action: 'get', node })}\n`);
  }

  #wait(request: IncomingMessage, response: ServerResponse, url: URL, key: string): void {
    const { index } = this.store;
    const since = url.searchParams.get('waitIndex') ?? '0';
    if (!/^\d{1,15}$/.test(since)) throw indexNotANumber('waitIndex', index);
    let change: Change | undefined;
    const stop = this.store.watch(key, flag(url, 'recursive', index), Number(since), (seen) => {
      change = seen;
      if (response.headersSent) response.end(`${JSON.stringify(seen)}\n`);
    });
    this.#head(response, 200);
    if (change === undefined) response.flushHeaders();
    else response.end(`${JSON.stringify(change)}\n`);
    request.on('close', stop);
    response.on('close', stop);
  }

  #send(response: ServerResponse, status: number, body: string): void {
    this.#head(response, status);
    response.end(body);
  }

  #head(response: ServerResponse, status: number): void {
    response.writeHead(status, {
      'Content-Type': 'application/json',
      'X-Etcd-Index': this.store.index,
      'X-Raft-Index': this.store.index,
      'X-Raft-Term': 1,
    });
  }
}

/** The key in a path, without a slash at its end, as etcd cleans it. */
function keyOf(path: string): string | undefined {
  if (path !== PREFIX && !path.startsWith(`${PREFIX}/`)) return undefined;
  return path.slice(PREFIX.length).replace(/\/+/g, '/').replace(/\/$/, '');
}

function flag(url: URL, name: string, index: number): boolean {
  const value = url.searchParams.get(name);
  if (value === null || value === 'false') return false;
  if (value === 'true') return true;
  throw invalidField(`invalid value for "${name}"`, index);
}

async function bodyOf(request: IncomingMessage, index: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MOST_BYTES) throw invalidForm('the form is too long', index);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
