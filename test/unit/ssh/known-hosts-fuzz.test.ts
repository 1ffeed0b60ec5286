import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { generateKeyPair } from '../../../src/ssh/keys.js';
import { glob } from '../../../src/ssh/glob.js';
import {
  formatKnownHost,
  parseKnownHosts,
  parsePublicKey,
  revocation,
  verdict,
  withoutHost,
} from '../../../src/ssh/known-hosts.js';

const RUNS = Number(process.env.COREUP_FUZZ_RUNS ?? 10_000);
const key = parsePublicKey((await generateKeyPair('fuzz')).publicKey) as Buffer;
const base64 = key.toString('base64');

const name = fc.oneof(
  fc.constantFrom('10.0.0.1', '!10.0.0.1', '*', '10.*', '[10.0.0.1]:2222', '|1|abc|def', '|1|', '|', '!', '[', ''),
  fc.string({ unit: 'binary', maxLength: 10 }),
);
const blob = fc.oneof(
  fc.constantFrom(base64, base64.slice(0, 20), '', 'AAAA', '===='),
  fc.base64String({ maxLength: 60 }),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('base64')),
);
const line = fc
  .tuple(
    fc.constantFrom('', '@revoked ', '@cert-authority ', '@other ', '# ', '\t'),
    fc.array(name, { maxLength: 3 }).map((names) => names.join(',')),
    fc.constantFrom('ssh-ed25519', 'ssh-rsa', 'ecdsa-sha2-nistp256', ''),
    blob,
    fc.constantFrom('', ' a comment', '\r', ' ü'),
  )
  .map(([marker, names, type, text, rest]) => `${marker}${names} ${type} ${text}${rest}`);
const file = fc.array(fc.oneof(line, fc.string({ unit: 'binary' })), { maxLength: 8 }).map((lines) => lines.join('\n'));

test('any known_hosts is read, gives a verdict, and can be written to', () => {
  fc.assert(
    fc.property(file, fc.constantFrom(22, 2222), (text, port) => {
      const entries = parseKnownHosts(text);
      expect(['match', 'changed', 'unknown', 'revoked']).toContain(verdict(entries, '10.0.0.1', port, key));
      // Without the host's own lines, what is added is what counts, unless a pattern or a mark still speaks of it.
      const rest = withoutHost(text, '10.0.0.1', port);
      const left = parseKnownHosts(rest);
      const after = verdict(
        parseKnownHosts(`${rest}\n${formatKnownHost('10.0.0.1', port, key)}`),
        '10.0.0.1',
        port,
        key,
      );
      expect(after).toBe(revocation(left, '10.0.0.1', port, key) === undefined ? 'match' : 'revoked');
    }),
    { numRuns: RUNS },
  );
}, 300_000);

test('a pattern matches as its regular expression would', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 8 });
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*', '?'), maxLength: 8 });
  fc.assert(
    fc.property(pattern, text, (shape, subject) => {
      const source = shape.replaceAll('.', '\\.').replaceAll('*', '.*').replaceAll('?', '.');
      expect(glob(shape, subject)).toBe(new RegExp(`^${source}$`).test(subject));
    }),
    { numRuns: RUNS },
  );
}, 300_000);

test('a pattern of many stars takes no time', () => {
  expect(glob(`${'*a'.repeat(2000)}b`, 'a'.repeat(4000))).toBe(false);
});
