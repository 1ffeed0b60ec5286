import { randomInt } from 'node:crypto';
import type { Duplex } from 'node:stream';
import dnsPacket from 'dns-packet';
import { CoreupError, messageOf } from '../../util/errors.js';
import { sameName } from './records.js';

/** What an SRV record says (RFC 2782). */
export interface SrvData {
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  readonly target: string;
}

/** What a server says to a question; `none` is an answer, too. */
export type Answer<T> =
  | { readonly kind: 'found'; readonly records: readonly T[] }
  | { readonly kind: 'none' }
  /** The server refuses or fails (SERVFAIL, REFUSED …): another one may know. */
  | { readonly kind: 'refused'; readonly code: string };

/** What a record of each type is read as. */
export interface Kinds {
  readonly SRV: SrvData;
  readonly A: string;
}

/** A chain of aliases longer than that leads nowhere. */
const MOST_ALIASES = 8;

/**
 * Asks one question over a TCP stream to a name server (RFC 1035, 4.2.2; RFC 7766), and ends the stream.
 *
 * @param timeout milliseconds
 * @throws CoreupError DNS_ANSWER if what comes back is no sound answer to it; DNS_TIMEOUT
 */
export async function ask<K extends keyof Kinds>(
  stream: Duplex,
  name: string,
  type: K,
  timeout: number,
): Promise<Answer<Kinds[K]>> {
  const id = randomInt(0x10000);
  const questions = [{ name, type, class: 'IN' as const }];
  const query = dnsPacket.streamEncode({ type: 'query', id, flags: dnsPacket.RECURSION_DESIRED, questions });
  let message: Buffer;
  try {
    message = await exchange(stream, query, timeout);
  } finally {
    stream.destroy();
  }
  return read(message, { id, name, type });
}

/** Sends a message and waits for one; both have their length before them. */
function exchange(stream: Duplex, query: Buffer, timeout: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const timer = setTimeout(() => {
      reject(new CoreupError(`did not answer within ${timeout / 1000} s`, { code: 'DNS_TIMEOUT' }));
    }, timeout);
    const fail = (message: string): void => {
      clearTimeout(timer);
      reject(unsound(message));
    };
    stream.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const length = received.length < 2 ? undefined : received.readUInt16BE(0);
      if (length === undefined || received.length < length + 2) return;
      clearTimeout(timer);
      resolve(received.subarray(2, length + 2));
    });
    stream.on('error', (error: Error) => fail(`broke the connection off (${messageOf(error)})`));
    for (const event of ['end', 'close']) {
      stream.once(event, () =>
        fail(received.length === 0 ? 'hung up without an answer' : 'hung up in the middle of its answer'),
      );
    }
    stream.write(query);
  });
}

function read<K extends keyof Kinds>(
  message: Buffer,
  asked: { readonly id: number; readonly name: string; readonly type: K },
): Answer<Kinds[K]> {
  let packet: ReturnType<typeof dnsPacket.decode>;
  try {
    packet = dnsPacket.decode(message);
  } catch (error) {
    throw unsound(`sent what cannot be read as an answer (${messageOf(error)})`);
  }
  const [question] = packet.questions ?? [];
  const fits = packet.type === 'response' && packet.id === asked.id;
  if (!fits || (question && (!sameName(question.name, asked.name) || question.type !== asked.type))) {
    throw unsound('sent an answer to another question');
  }
  if (packet.flag_tc) throw unsound('cut its answer short, though it came over TCP');
  // The type definitions leave the code out; it is the last four bits of the flags (RFC 1035, 4.1.1).
  const { rcode } = packet as { rcode?: string };
  if (rcode !== 'NOERROR' && rcode !== 'NXDOMAIN') return { kind: 'refused', code: rcode ?? 'no code' };
  const records = recordsIn(packet.answers ?? [], asked.name, asked.type);
  return records.length === 0 ? { kind: 'none' } : { kind: 'found', records };
}

/** The records of one type that an answer has for a name, or for what the name is an alias of. */
function recordsIn<K extends keyof Kinds>(
  answers: readonly { readonly type: string; readonly name: string }[],
  name: string,
  type: K,
): readonly Kinds[K][] {
  let owner = name;
  for (let hops = 0; hops < MOST_ALIASES; hops++) {
    const alias = answers.find((answer) => answer.type === 'CNAME' && sameName(answer.name, owner));
    if (!alias) break;
    owner = (alias as unknown as { data: string }).data;
  }
  return answers
    .filter((answer) => answer.type === type && sameName(answer.name, owner))
    .map((answer) => (answer as unknown as { data: Kinds[K] }).data);
}

function unsound(message: string): CoreupError {
  return new CoreupError(message, { code: 'DNS_ANSWER' });
}
