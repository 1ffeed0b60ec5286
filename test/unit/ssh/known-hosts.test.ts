import { describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeyPair } from '../../../src/ssh/keys.js';
import {
  fingerprint,
  formatKnownHost,
  hostName,
  keyType,
  lookup,
  parseKnownHosts,
  parsePublicKey,
  verdict,
  withoutHost,
} from '../../../src/ssh/known-hosts.js';

async function newKey(): Promise<Buffer> {
  const key = parsePublicKey((await generateKeyPair('test')).publicKey);
  if (key === undefined) throw new Error('unreadable');
  return key;
}

const one = await newKey();
const other = await newKey();
const line = (names: string, key: Buffer) => `${names} ssh-ed25519 ${key.toString('base64')}\n`;

describe('names', () => {
  test.each([
    ['172.17.8.101', 22, '172.17.8.101'],
    ['172.17.8.101', 2222, '[172.17.8.101]:2222'],
    ['Core-01.Example.org', 22, 'core-01.example.org'],
    ['fe80::1', 22, 'fe80::1'],
    ['fe80::1', 23, '[fe80::1]:23'],
    ['FE80:0:0::1', 22, 'fe80::1'],
    ['fe80::1%eth0', 22, 'fe80::1%eth0'],
  ])('%s port %d is filed under %s', (address, port, name) => {
    expect(hostName(address, port)).toBe(name);
  });
});

describe('verdict', () => {
  const judge = (text: string, key = one, address = '10.0.0.1', port = 22) =>
    verdict(parseKnownHosts(text), address, port, key);

  test.each([
    ['the same key', line('10.0.0.1', one), 'match'],
    ['one of several names', line('a,10.0.0.1,b', one), 'match'],
    ['another key', line('10.0.0.1', other), 'changed'],
    ['another key first, then the same', line('10.0.0.1', other) + line('10.0.0.1', one), 'match'],
    ['another host', line('10.0.0.2', one), 'unknown'],
    ['another port', line('[10.0.0.1]:2222', one), 'unknown'],
    ['an empty file', '', 'unknown'],
    ['a wildcard', line('10.0.0.*', one), 'match'],
    ['a wildcard for one character', line('10.0.0.?', one), 'match'],
    ['a wildcard that must take more than it looks', line('*0.*0*.1', one), 'match'],
    ['a dot is no wildcard', line('10x0.0.1', one), 'unknown'],
    ['a negation', line('10.0.0.*,!10.0.0.1', one), 'unknown'],
    ['revoked', line('10.0.0.1', one) + `@revoked ${line('*', one)}`, 'revoked'],
    ['another key revoked', line('10.0.0.1', one) + `@revoked ${line('*', other)}`, 'match'],
    ['a certificate authority is no pinned key', `@cert-authority ${line('*', other)}`, 'unknown'],
    ['an unknown marker', `@something ${line('10.0.0.1', one)}`, 'unknown'],
    ['a comment', `# ${line('10.0.0.1', one)}`, 'unknown'],
    ['garbage', '10.0.0.1 ssh-ed25519\n10.0.0.1 ssh-ed25519 !!!!\nx\n', 'unknown'],
    ['a type that is not the key’s', `10.0.0.1 ssh-rsa ${one.toString('base64')}\n`, 'unknown'],
    ['half a key', `10.0.0.1 ssh-ed25519 ${other.toString('base64').slice(0, 40)}\n`, 'unknown'],
    ['a name hashed beside another', `|1|abc=|def=,${line('10.0.0.1', one)}`, 'unknown'],
    ['CRLF line ends', line('10.0.0.1', one).replace('\n', '\r\n'), 'match'],
  ])('%s', (_, text, expected) => {
    expect(judge(text)).toBe(expected);
  });

  test('[host]:port for other ports', () => {
    expect(judge(formatKnownHost('10.0.0.1', 2222, one), one, '10.0.0.1', 2222)).toBe('match');
    expect(judge(formatKnownHost('10.0.0.1', 2222, one), other, '10.0.0.1', 2222)).toBe('changed');
  });

  test('the bare name stands for other ports, too, where the port has no entry; but forbids nothing there', () => {
    const bare = line('10.0.0.1', one);
    expect(judge(bare, one, '10.0.0.1', 2222)).toBe('match');
    expect(judge(bare, other, '10.0.0.1', 2222)).toBe('unknown');
    expect(judge(bare + line('[10.0.0.1]:2222', other), one, '10.0.0.1', 2222)).toBe('changed');
    expect(judge(`@revoked ${bare}`, one, '10.0.0.1', 2222)).toBe('revoked');
  });

  test('tells the line', () => {
    const text = `# mine\n\n${line('10.0.0.2', other)}${line('10.0.0.1', one)}`;
    expect(lookup(parseKnownHosts(text), '10.0.0.1', 22).map((entry) => entry.line)).toEqual([4]);
  });
});

describe('as ssh-keygen has it', () => {
  function withFile<T>(text: string, use: (file: string) => T): T {
    const directory = mkdtempSync(join(tmpdir(), 'coreup-known-'));
    try {
      const file = join(directory, 'known_hosts');
      writeFileSync(file, text);
      return use(file);
    } finally {
      rmSync(directory, { recursive: true });
    }
  }
  const keygen = (...args: string[]) =>
    execFileSync('ssh-keygen', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });

  test('fingerprints', () => {
    withFile(`ssh-ed25519 ${one.toString('base64')} x\n`, (file) => {
      expect(keygen('-lf', file)).toContain(` ${fingerprint(one)} `);
    });
  });

  test('hashed names', () => {
    const text = line('10.0.0.1', one) + line('[10.0.0.1]:2222', other);
    const hashed = withFile(text, (file) => {
      keygen('-H', '-f', file);
      return readFileSync(file, 'utf8');
    });
    expect(hashed).toContain('|1|');
    expect(hashed).not.toContain('10.0.0.1');
    const entries = parseKnownHosts(hashed);
    expect(verdict(entries, '10.0.0.1', 22, one)).toBe('match');
    expect(verdict(entries, '10.0.0.1', 2222, other)).toBe('match');
    expect(verdict(entries, '10.0.0.1', 22, other)).toBe('changed');
    expect(verdict(entries, '10.0.0.2', 22, one)).toBe('unknown');
    expect(parseKnownHosts(withoutHost(hashed, '10.0.0.1', 22))).toHaveLength(1);
  });

  test('ssh-keygen -F finds what we write', () => {
    withFile(formatKnownHost('10.0.0.1', 2222, one), (file) => {
      expect(keygen('-F', '[10.0.0.1]:2222', '-f', file)).toContain(one.toString('base64'));
    });
  });
});

describe('withoutHost', () => {
  test('takes out one name, keeps everything else', () => {
    const text = `# mine\n${line('a,10.0.0.1', one)}${line('10.0.0.1', other)}@revoked ${line('10.0.0.1', other)}${line('10.0.0.*', one)}`;
    expect(withoutHost(text, '10.0.0.1', 22)).toBe(
      `# mine\n${line('a', one)}@revoked ${line('10.0.0.1', other)}${line('10.0.0.*', one)}`,
    );
  });
});

test('keyType and parsePublicKey refuse what is no key', () => {
  expect(keyType(Buffer.from(''))).toBeUndefined();
  expect(keyType(Buffer.from([0, 0, 1, 0, 1]))).toBeUndefined();
  expect(parsePublicKey('ssh-ed25519')).toBeUndefined();
  expect(parsePublicKey(`ssh-rsa ${one.toString('base64')}`)).toBeUndefined();
  expect(() => formatKnownHost('a', 22, Buffer.from('x'))).toThrow(RangeError);
});
