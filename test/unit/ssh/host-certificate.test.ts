import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { flawOf, parseHostCertificate } from '../../../src/ssh/host-certificate.js';

const RUNS = Number(process.env.COREUP_FUZZ_RUNS ?? 1000);
const TYPES = ['ed25519', 'ecdsa', 'rsa'];
const directory = mkdtempSync(join(tmpdir(), 'coreup-certificate-'));
const blobs: Buffer[] = [];
const read = (name: string) => Buffer.from(readFileSync(join(directory, name), 'utf8').split(' ')[1] ?? '', 'base64');
const question = { name: 'web.example.org', now: Date.UTC(2026, 5, 1) };

beforeAll(() => {
  const keygen = (...args: string[]) => execFileSync('ssh-keygen', ['-q', ...args], { cwd: directory, stdio: 'pipe' });
  for (const type of TYPES) keygen('-t', type, '-N', '', '-f', type);
  TYPES.forEach((type, index) => {
    const authority = TYPES[(index + 1) % TYPES.length] ?? '';
    keygen('-s', authority, '-I', 'ä host', '-h', '-n', 'db,*.example.org', '-V', '20260101:20270101', `${type}.pub`);
    blobs.push(read(`${type}-cert.pub`));
  });
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

test('what ssh-keygen certifies is read', () => {
  blobs.forEach((blob, index) => {
    const certificate = parseHostCertificate(blob);
    expect(certificate).toMatchObject({
      keyId: 'ä host',
      forHost: true,
      principals: ['db', '*.example.org'],
      criticalOptions: [],
      signed: true,
    });
    expect(certificate?.key).toEqual(read(`${TYPES[index]}.pub`));
    expect(certificate?.authority).toEqual(read(`${TYPES[(index + 1) % TYPES.length]}.pub`));
    expect(certificate && flawOf(certificate, question)).toBeUndefined();
  });
});

test('a plain key is no certificate', () => {
  expect(parseHostCertificate(read('rsa.pub'))).toBeUndefined();
});

test('a certificate of which any bit was changed, or that was cut or lengthened, vouches for nothing', () => {
  const changed = fc.oneof(
    fc.nat().map((bit) => (blob: Buffer) => {
      const at = bit % (blob.length * 8);
      const copy = Buffer.from(blob);
      copy[at >> 3] = (copy[at >> 3] ?? 0) ^ (1 << (at & 7));
      return copy;
    }),
    fc.nat().map((length) => (blob: Buffer) => blob.subarray(0, length % blob.length)),
    fc.uint8Array({ minLength: 1, maxLength: 9 }).map((more) => (blob: Buffer) => Buffer.concat([blob, more])),
  );
  fc.assert(
    fc.property(fc.nat({ max: TYPES.length - 1 }), changed, (index, change) => {
      const blob = blobs[index] ?? Buffer.alloc(0);
      const certificate = parseHostCertificate(change(blob));
      if (certificate === undefined) return;
      const { authority } = parseHostCertificate(blob) ?? {};
      // A change may be in the authority's own key: then it is another authority, whom nobody trusts.
      expect(flawOf(certificate, question) === undefined && authority?.equals(certificate.authority)).toBe(false);
    }),
    { numRuns: RUNS },
  );
}, 300_000);

test('any bytes are read or are no certificate', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat({ max: 300 }), (bytes, keep) => {
      const begun = Buffer.concat([(blobs[0] ?? Buffer.alloc(0)).subarray(0, keep), bytes]);
      expect(parseHostCertificate(begun)?.signed ?? false).toBe(false);
    }),
    { numRuns: RUNS },
  );
}, 300_000);
