import { createPublicKey, verify, type JsonWebKey } from 'node:crypto';
import { WireReader } from './wire.js';

/** By the name of the curve in a key (RFC 5656). */
const CURVES: Readonly<Record<string, { readonly crv: string; readonly size: number; readonly hash: string }>> = {
  nistp256: { crv: 'P-256', size: 32, hash: 'sha256' },
  nistp384: { crv: 'P-384', size: 48, hash: 'sha384' },
  nistp521: { crv: 'P-521', size: 66, hash: 'sha512' },
};

/** SHA-1, which plain ssh-rsa means, has not been safe for long (OpenSSH 8.2 stopped taking it from authorities). */
const RSA_HASHES: Readonly<Record<string, string>> = { 'rsa-sha2-256': 'sha256', 'rsa-sha2-512': 'sha512' };
/** Bits of the shortest RSA key that OpenSSH takes (SSH_RSA_MINIMUM_MODULUS_SIZE). */
export const LEAST_RSA = 1024;

/** Bits of an RSA key; undefined for keys of other types, and for what is none. */
export function rsaBits(key: Buffer): number | undefined {
  try {
    const fields = new WireReader(key);
    if (fields.text() !== 'ssh-rsa') return undefined;
    fields.mpint();
    const modulus = fields.mpint();
    return modulus.length === 0 ? 0 : modulus.length * 8 - Math.clz32(modulus[0] ?? 0) + 24;
  } catch {
    return undefined;
  }
}

/** Whether `signs` can tell. */
export function canVerify(type: string | undefined): boolean {
  return type !== undefined && /^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521))$/.test(type);
}

/**
 * Whether a signature is that of a key over some data (RFC 8709, RFC 5656, RFC 8332).
 *
 * @param key and `signature` as SSH writes them; what cannot be read proves nothing
 */
export function signs(key: Buffer, data: Buffer, signature: Buffer): boolean {
  try {
    const fields = new WireReader(key);
    const type = fields.text();
    const said = new WireReader(signature);
    const algorithm = said.text();
    const value = said.string();
    if (!said.ended) return false;
    if (type === 'ssh-rsa') return signsAsRsa(fields, data, algorithm, value);
    if (algorithm !== type) return false;
    if (type === 'ssh-ed25519')
      return check({ kty: 'OKP', crv: 'Ed25519', x: base64url(fields.string()) }, data, value);
    return type.startsWith('ecdsa-sha2-') && signsAsEcdsa(type, fields, data, value);
  } catch {
    return false;
  }
}

function signsAsRsa(fields: WireReader, data: Buffer, algorithm: string, value: Buffer): boolean {
  const [e, n] = [fields.mpint(), fields.mpint()];
  const hash = RSA_HASHES[algorithm];
  if (hash === undefined || n.length * 8 < LEAST_RSA || value.length > n.length) return false;
  // Leading zeros may be left out (RFC 8332 asks readers to take that).
  return check({ kty: 'RSA', e: base64url(e), n: base64url(n) }, data, widened(value, n.length), hash);
}

function signsAsEcdsa(type: string, fields: WireReader, data: Buffer, value: Buffer): boolean {
  const name = fields.text();
  const curve = CURVES[name];
  const point = fields.string();
  if (curve === undefined || type !== `ecdsa-sha2-${name}` || point.length !== 1 + 2 * curve.size || point[0] !== 4) {
    return false;
  }
  const [x, y] = [point.subarray(1, 1 + curve.size), point.subarray(1 + curve.size)];
  const numbers = new WireReader(value);
  const [r, s] = [numbers.mpint(), numbers.mpint()];
  if (!numbers.ended || r.length > curve.size || s.length > curve.size) return false;
  const both = Buffer.concat([widened(r, curve.size), widened(s, curve.size)]);
  return check({ kty: 'EC', crv: curve.crv, x: base64url(x), y: base64url(y) }, data, both, curve.hash);
}

function check(jwk: JsonWebKey, data: Buffer, signature: Buffer, hash?: string): boolean {
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  return verify(hash ?? null, data, { key, dsaEncoding: 'ieee-p1363' }, signature);
}

function widened(bytes: Buffer, size: number): Buffer {
  return Buffer.concat([Buffer.alloc(size - bytes.length), bytes]);
}

function base64url(bytes: Buffer): string {
  return bytes.toString('base64url');
}
