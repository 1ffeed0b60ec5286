import { createECDH, generateKeyPairSync, getDiffieHellman, randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { ALGORITHMS } from './algorithms.js';
import type { SshTarget } from './port.js';
import { field, uint32, WireReader } from './wire.js';

/** Message numbers (RFC 4253, section 12; RFC 5656, section 7.1; a Diffie-Hellman exchange has the same two). */
const DISCONNECT = 1;
const KEXINIT = 20;
const KEX_INIT = 30;
const KEX_REPLY = 31;

/** Signature algorithms under which sshd shows a certificate, in OpenSSH's order. */
const CERTIFIED: readonly string[] = [
  'ssh-ed25519-cert-v01@openssh.com',
  'ecdsa-sha2-nistp256-cert-v01@openssh.com',
  'ecdsa-sha2-nistp384-cert-v01@openssh.com',
  'ecdsa-sha2-nistp521-cert-v01@openssh.com',
  'rsa-sha2-512-cert-v01@openssh.com',
  'rsa-sha2-256-cert-v01@openssh.com',
];

/** The longest packet that OpenSSH sends or takes, and more text than it puts before its greeting. */
const LONGEST = 256 * 1024;
/** Each such packet and line costs the host, not us; but nobody needs more of them. */
const MOST = 100;

/**
 * Lets an sshd show its host certificate: begins a key exchange, and leaves it when the host has shown what it has.
 *
 * Nothing here proves that the host has the certificate's key: a certificate is public. The handshake of the login does.
 *
 * @param stream to the sshd; is destroyed at the end
 * @param algorithms what may be offered, where that is not all
 * @returns undefined where the host has none
 * @throws Error where what is there does not speak SSH, and what the stream fails with
 */
export async function showCertificate(
  stream: Duplex,
  algorithms: SshTarget['algorithms'] = {},
): Promise<Buffer | undefined> {
  stream.on('error', () => undefined); // whoever waits for data hears of it
  const incoming = new Incoming(stream);
  try {
    stream.write('SSH-2.0-coreup\r\n');
    await incoming.greeting();
    const theirs = new WireReader(await incoming.message(KEXINIT));
    theirs.take(17); // message number and cookie
    const [exchanges, hostKeys] = [theirs.names(), theirs.names()];
    const exchange = (algorithms.kex ?? ALGORITHMS.kex).find((name) => exchanges.includes(name));
    const certified = CERTIFIED.filter(
      (name) => hostKeys.includes(name) && algorithms.hostKey?.includes(name) !== false,
    );
    // Without a key exchange in common the login cannot be, either, and says so.
    if (certified.length === 0 || exchange === undefined) return undefined;
    stream.write(packet(offer(exchange, certified, algorithms)));
    stream.write(packet(Buffer.concat([Buffer.from([KEX_INIT]), field(half(exchange))])));
    const reply = new WireReader(await incoming.message(KEX_REPLY));
    reply.take(1);
    return reply.string();
  } finally {
    stream.destroy();
  }
}

function offer(exchange: string, hostKeys: readonly string[], algorithms: SshTarget['algorithms']): Buffer {
  const { cipher, hmac, compress } = { ...ALGORITHMS, ...algorithms };
  const lists = [[exchange], hostKeys, cipher, cipher, hmac, hmac, compress, compress, [], []];
  const noGuess = Buffer.alloc(5); // no packet of a guessed exchange follows; and four reserved bytes
  return Buffer.concat([
    Buffer.from([KEXINIT]),
    randomBytes(16),
    ...lists.map((names) => field(names.join(','))),
    noGuess,
  ]);
}

/** The public half of a key exchange whose private half nobody needs. */
function half(exchange: string): Buffer {
  if (exchange === 'ecdh-sha2-nistp256') return createECDH('prime256v1').generateKeys();
  if (exchange.startsWith('diffie-hellman-')) {
    const number = getDiffieHellman('modp14').generateKeys();
    return Buffer.concat([Buffer.alloc(1), number]); // a zero before, so that it is not read as negative
  }
  const { x } = generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' });
  return Buffer.from(x ?? '', 'base64url');
}

/** A packet as long as nothing is encrypted (RFC 4253, section 6): a multiple of 8 bytes, at least 4 of them padding. */
function packet(payload: Buffer): Buffer {
  const padding = 8 - ((payload.length + 5) % 8);
  const enough = padding < 4 ? padding + 8 : padding;
  return Buffer.concat([uint32(payload.length + enough + 1), Buffer.from([enough]), payload, Buffer.alloc(enough)]);
}

/** What the host sends, taken off by lines and by packets. */
class Incoming {
  readonly #chunks: AsyncIterator<Buffer>;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(stream: Duplex) {
    this.#chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  /** Its greeting; there may be other lines before it (RFC 4253, section 4.2). */
  async greeting(): Promise<void> {
    for (let read = 0; read < LONGEST;) {
      const end = this.#bytes.indexOf('\n');
      if (end < 0) {
        if (this.#bytes.length > LONGEST) break;
        await this.#more();
        continue;
      }
      const line = this.#bytes.toString('latin1', 0, end);
      this.#bytes = this.#bytes.subarray(end + 1);
      if (line.startsWith('SSH-2.0-') || line.startsWith('SSH-1.99-')) return;
      if (line.startsWith('SSH-')) break;
      read += end + 1;
    }
    throw new Error('what listens there does not speak SSH');
  }

  /** The next message of one kind; those that mean nothing here (to be ignored, for a log) are passed over. */
  async message(wanted: number): Promise<Buffer> {
    for (let count = 0; count < MOST; count++) {
      const length = (await this.#take(4)).readUInt32BE();
      if (length < 2 || length > LONGEST) break;
      const body = await this.#take(length);
      const payload = body.subarray(1, length - (body[0] ?? 0));
      if (payload[0] === wanted) return payload;
      if (payload[0] === DISCONNECT) throw new Error('the host ended the key exchange');
    }
    throw new Error('what listens there does not keep to the SSH protocol');
  }

  async #take(length: number): Promise<Buffer> {
    while (this.#bytes.length < length) await this.#more();
    const taken = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    return taken;
  }

  async #more(): Promise<void> {
    const next = await this.#chunks.next();
    if (next.done === true) throw new Error('the host closed the connection before its host certificate was seen');
    this.#bytes = Buffer.concat([this.#bytes, next.value]);
  }
}
