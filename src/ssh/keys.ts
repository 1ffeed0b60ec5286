import { generateKeyPair as generate, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { field, uint32 } from './wire.js';

export interface KeyPair {
  /** The private key as OpenSSH writes it (`-----BEGIN OPENSSH PRIVATE KEY-----`), not encrypted. */
  readonly privateKey: string;
  /** One line as in authorized_keys: `ssh-ed25519 AAAA… comment`, without a line feed. */
  readonly publicKey: string;
}

const TYPE = 'ssh-ed25519';
/** Cipher block length that OpenSSH pads to when the cipher is `none`. */
const BLOCK = 8;

/**
 * Makes an ed25519 key pair in the format of OpenSSH's PROTOCOL.key, without starting ssh-keygen (20 times slower)
 * and without loading ssh2.
 *
 * @param comment ends up behind the public key and inside the private one; must be one line
 */
export async function generateKeyPair(comment: string): Promise<KeyPair> {
  if (/[\0\r\n]/.test(comment)) throw new RangeError('the comment of a key is one line');
  const { privateKey } = await promisify(generate)('ed25519');
  const jwk = privateKey.export({ format: 'jwk' });
  const seed = Buffer.from(jwk.d ?? '', 'base64url');
  const point = Buffer.from(jwk.x ?? '', 'base64url');
  const publicBlob = Buffer.concat([field(TYPE), field(point)]);
  const check = randomBytes(4);
  const secret = Buffer.concat([check, check, publicBlob, field(Buffer.concat([seed, point])), field(comment)]);
  const blob = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    field('none'), // cipher
    field('none'), // kdf
    field(''), // kdf options
    uint32(1), // number of keys
    field(publicBlob),
    field(padded(secret)),
  ]);
  const lines = blob.toString('base64').match(/.{1,70}/g) ?? [];
  return {
    privateKey: ['-----BEGIN OPENSSH PRIVATE KEY-----', ...lines, '-----END OPENSSH PRIVATE KEY-----', ''].join('\n'),
    publicKey: `${TYPE} ${publicBlob.toString('base64')} ${comment}`.trimEnd(),
  };
}

/** The public half of an OpenSSH private key, which is readable even when the key itself is encrypted. */
export function publicBlobOf(privateKey: string): Buffer | undefined {
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END/.exec(privateKey)?.[1];
  if (body === undefined) return undefined;
  const blob = Buffer.from(body, 'base64');
  let at = 'openssh-key-v1\0'.length;
  for (let skipped = 0; skipped < 3; skipped++) {
    if (at + 4 > blob.length) return undefined;
    at += 4 + blob.readUInt32BE(at);
  }
  at += 4;
  if (at + 4 > blob.length) return undefined;
  return blob.subarray(at + 4, at + 4 + blob.readUInt32BE(at));
}

function padded(secret: Buffer): Buffer {
  const missing = (BLOCK - (secret.length % BLOCK)) % BLOCK;
  return Buffer.concat([secret, Buffer.from(Array.from({ length: missing }, (_, index) => index + 1))]);
}
