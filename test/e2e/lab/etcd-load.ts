import { readFileSync } from 'node:fs';
import { request as plain } from 'node:http';
import { request as secure } from 'node:https';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export type Scheme = 'http' | 'https';
export interface Endpoint {
  readonly scheme: Scheme;
  readonly host: string;
}

/** Milliseconds for one endpoint; for one write and the read after it, at whichever endpoint. */
const ANSWER = 4000;
const PATIENCE = 15_000;

/**
 * A client of a cluster as programs have one: it writes and reads back without end, at one endpoint until that fails, then
 * at the next. It knows plain http and, once there are certificates, TLS.
 */
export class EtcdLoad {
  /** What was written and read back. */
  rounds = 0;
  /** Rounds that no endpoint would serve, each with what the endpoints said. */
  readonly lost: string[] = [];
  readonly schemes = new Set<Scheme>();
  #ended = false;
  #at = 0;
  readonly #endpoints: readonly Endpoint[];
  readonly #work: Promise<void>;

  constructor(
    hosts: readonly string[],
    private readonly pki: string,
    /** Milliseconds between two rounds: a handshake takes CPU. */
    private readonly pause = 20,
  ) {
    this.#endpoints = (['http', 'https'] as const).flatMap((scheme) => hosts.map((host) => ({ scheme, host })));
    this.#work = this.#run();
  }

  async end(): Promise<void> {
    this.#ended = true;
    await this.#work;
  }

  async #run(): Promise<void> {
    while (!this.#ended) {
      await this.#round(String(this.rounds + this.lost.length));
      await delay(this.pause);
    }
  }

  async #round(value: string): Promise<void> {
    const said: string[] = [];
    const deadline = performance.now() + PATIENCE;
    while (performance.now() < deadline) {
      const endpoint = this.#endpoints[this.#at % this.#endpoints.length];
      if (!endpoint) throw new RangeError('no endpoints');
      try {
        await ask(endpoint, this.pki, '/v3/kv/put', { key: base64('load'), value: base64(value) });
        const answer = JSON.parse(await ask(endpoint, this.pki, '/v3/kv/range', { key: base64('load') })) as {
          kvs: { value: string }[];
        };
        if (answer.kvs[0]?.value !== base64(value)) throw new Error(`another value than ${value} is read`);
        this.schemes.add(endpoint.scheme);
        this.rounds++;
        return;
      } catch (error) {
        said.push(`${endpoint.scheme} ${endpoint.host}: ${(error as Error).message}`);
        this.#at++;
      }
    }
    this.lost.push(said.join('; '));
  }
}

/**
 * Asks etcd at one endpoint.
 *
 * @param pki directory of coreup's certificates
 */
export function ask({ scheme, host }: Endpoint, pki: string, path: string, body: object): Promise<string> {
  const options = { host, port: 2379, path, method: 'POST', timeout: ANSWER, agent: false };
  return new Promise((resolve, reject) => {
    const request =
      scheme === 'http' ? plain(options) : secure({ ...options, ...credentials(pki), minVersion: 'TLSv1.2' });
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`${String(response.statusCode)} ${text}`));
      });
    });
    request.on('timeout', () => request.destroy(new Error('no answer')));
    request.on('error', reject);
    request.end(JSON.stringify(body));
  });
}

/** coreup's own certificate and key, and every authority that it trusts. */
function credentials(pki: string): { ca: string; cert: string; key: string } {
  const read = (name: string): string => {
    try {
      return readFileSync(join(pki, name), 'utf8');
    } catch {
      return '';
    }
  };
  const own = read('coreup.pem');
  return { ca: ['ca.pem', 'ca-next.pem', 'ca-old.pem'].map(read).join(''), cert: own, key: own };
}

export function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
