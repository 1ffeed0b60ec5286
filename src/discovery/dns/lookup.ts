import type { Duplex } from 'node:stream';
import { messageOf } from '../../util/errors.js';
import { ask, type Kinds, type SrvData } from './query.js';
import { serviceName, withoutDot } from './records.js';
import { hostsEntries, nameserversOf, type ResolverFiles } from './resolver.js';

/** What one host learns of a cluster when it looks it up as etcd does. */
export interface Lookup {
  /** The name server that answered. */
  readonly nameserver: string;
  /** By full name of the service; a service that is not in it has no records. */
  readonly services: ReadonlyMap<string, readonly SrvData[]>;
  /** IPv4 addresses by target, as the SRV record spells it. */
  readonly addresses: ReadonlyMap<string, readonly string[]>;
  /** What was said instead of an answer, by name: `172.17.8.1 answers REFUSED`. */
  readonly refusals: ReadonlyMap<string, string>;
}

/** No name server of a host gives an answer that can be used. */
export class NoAnswerError extends Error {
  constructor(readonly reasons: readonly string[]) {
    super(reasons.join('; '));
  }
}

export type Dial = (address: string, port: number) => Promise<Duplex>;

/** Milliseconds, shorter in tests: for one question, and for all of a host. */
export interface Patience {
  readonly question: number;
  readonly total: number;
}

const PATIENCE: Patience = { question: 5000, total: 20_000 };
const DNS_PORT = 53;

/**
 * Looks up a cluster's records from one host, with the name servers and the hosts file of that host.
 *
 * @param dial opens a TCP stream from the host
 * @throws NoAnswerError
 */
export async function lookUp(
  domain: string,
  files: ResolverFiles,
  dial: Dial,
  patience: Patience = PATIENCE,
): Promise<Lookup> {
  const resolver = new Resolver(nameserversOf(files.resolvConf), dial, patience);
  const services = new Map<string, readonly SrvData[]>();
  for (const kind of ['server', 'client'] as const) {
    for (const scheme of ['http', 'https'] as const) {
      const name = serviceName(kind, scheme, domain);
      const records = await resolver.find(name, 'SRV');
      if (records.length > 0) services.set(name, records);
    }
  }
  const targets = new Set([...services.values()].flat().map(({ target }) => target));
  const known = hostsEntries(files.hosts);
  const addresses = new Map<string, readonly string[]>();
  for (const target of targets) {
    const entry = known.get(withoutDot(target).toLowerCase());
    const found = entry ?? (isHostName(target) ? await resolver.find(target, 'A') : []);
    addresses.set(target, [...new Set(found)]);
  }
  return { nameserver: resolver.answered, services, addresses, refusals: resolver.refusals };
}

/** Asks the name servers of a host in turn, as resolv.conf(5) has it: the next one where one fails, not where it says no. */
class Resolver {
  answered = '';
  readonly refusals = new Map<string, string>();
  readonly #silent: string[] = [];
  #nameservers: readonly string[];
  readonly #end: number;

  constructor(
    nameservers: readonly string[],
    private readonly dial: Dial,
    private readonly patience: Patience,
  ) {
    this.#nameservers = nameservers;
    this.#end = performance.now() + patience.total;
  }

  /** @throws NoAnswerError once none of the servers is left that answers */
  async find<K extends keyof Kinds>(name: string, type: K): Promise<readonly Kinds[K][]> {
    for (const nameserver of this.#nameservers) {
      try {
        const answer = await this.#ask(nameserver, name, type);
        this.answered ||= nameserver;
        if (answer.kind === 'found') return answer.records;
        if (answer.kind === 'none') return [];
        this.refusals.set(name, `${nameserver} answers ${answer.code}`);
      } catch (error) {
        // One that is silent once is not asked again: each question would take as long.
        this.#nameservers = this.#nameservers.filter((other) => other !== nameserver);
        this.#silent.push(`${nameserver}: ${messageOf(error)}`);
      }
    }
    if (this.#nameservers.length === 0) throw new NoAnswerError(this.#silent);
    return [];
  }

  async #ask<K extends keyof Kinds>(nameserver: string, name: string, type: K) {
    const left = this.#end - performance.now();
    const time = Math.max(1, Math.min(this.patience.question, left));
    const stream = await within(time, this.dial(nameserver, DNS_PORT));
    return ask<K>(stream, name, type, time);
  }
}

/** A connection that comes too late is closed at once. */
async function within(milliseconds: number, dialled: Promise<Duplex>): Promise<Duplex> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no connection to it within ${milliseconds / 1000} s`)), milliseconds);
  });
  try {
    return await Promise.race([dialled, late]);
  } catch (error) {
    dialled.then((stream) => stream.destroy()).catch(() => undefined);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** What can be asked for at all; a hostile answer may hold anything. */
function isHostName(name: string): boolean {
  return name.length <= 253 && /^[\w-]+(\.[\w-]+)*\.?$/.test(name);
}
