import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { randomBytes } from 'node:crypto';

/** Where the hosts of the lab find what listens on this machine: their bridge. */
const BRIDGE = '172.17.8.1';

/**
 * A STAND-IN for the public discovery service: gives tokens at `/new?size=N`, and passes what is asked for a token on to a
 * real etcd, below a key of its own, as that service does.
 */
export class StandInDiscoveryService {
  /** The sizes that tokens were asked for, in order. */
  readonly given: string[] = [];
  readonly #server = createServer((asked, answer) => {
    this.#answer(asked, answer).catch(() => answer.destroy());
  });

  private constructor(private readonly etcd: string) {}

  /** @param etcd client URL of an etcd with the v2 API on */
  static async start(etcd: string): Promise<StandInDiscoveryService> {
    const service = new StandInDiscoveryService(etcd);
    // The bridge is there only once hosts are.
    service.#server.listen(0, '0.0.0.0');
    await once(service.#server, 'listening');
    return service;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** For config.ts: this machine can always reach it. */
  get newUrl(): string {
    return `http://127.0.0.1:${this.port}/new`;
  }

  /** Makes a token without being asked over HTTP. @returns its URL */
  async token(size: number): Promise<string> {
    const token = randomBytes(16).toString('hex');
    const answer = await fetch(`${this.etcd}/v2/keys/_tokens/${token}/_config/size`, {
      method: 'PUT',
      body: new URLSearchParams({ value: String(size) }),
    });
    if (!answer.ok) throw new Error(`etcd answers ${answer.status}: ${await answer.text()}`);
    return `http://${BRIDGE}:${this.port}/${token}`;
  }

  /** Registers with a token, as a member's etcd does. */
  async register(token: string, id: string, value: string): Promise<void> {
    const target = `http://127.0.0.1:${this.port}${new URL(token).pathname}/${id}?prevExist=false`;
    const answer = await fetch(target, { method: 'PUT', body: new URLSearchParams({ value }) });
    if (answer.status !== 201) throw new Error(`etcd answers ${answer.status}: ${await answer.text()}`);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #answer(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    const url = new URL(asked.url ?? '', this.newUrl);
    if (url.pathname === '/new') {
      const size = url.searchParams.get('size') ?? '3';
      this.given.push(size);
      answer.end(await this.token(Number(size)));
      return;
    }
    const { hostname, port } = new URL(this.etcd);
    const passed = request(
      {
        hostname,
        port,
        method: asked.method,
        path: `/v2/keys/_tokens${asked.url ?? ''}`,
        headers: asked.headers,
        agent: false,
      },
      (from) => {
        answer.writeHead(from.statusCode ?? 502, from.headers);
        answer.flushHeaders(); // a long poll's headers come long before its body
        from.pipe(answer);
      },
    );
    passed.on('error', () => answer.destroy());
    answer.on('close', () => passed.destroy());
    asked.pipe(passed);
  }
}
