import { describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeyPair, publicBlobOf } from '../../../src/ssh/keys.js';
import { parsePublicKey } from '../../../src/ssh/known-hosts.js';

function inFile<T>(privateKey: string, use: (file: string) => T): T {
  const directory = mkdtempSync(join(tmpdir(), 'coreup-keys-'));
  try {
    const file = join(directory, 'key');
    writeFileSync(file, privateKey, { mode: 0o600 });
    return use(file);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const keygen = (...args: string[]) => execFileSync('ssh-keygen', args, { encoding: 'utf8' });

describe('generateKeyPair', () => {
  // Lengths around the padding's block.
  test.each(['', 'c', 'core-01', 'core-0001', 'ümläut and spaces', 'x'.repeat(200)])(
    'ssh-keygen reads it: %j',
    async (comment) => {
      const pair = await generateKeyPair(comment);
      inFile(pair.privateKey, (file) => {
        expect(keygen('-y', '-f', file).trim()).toBe(pair.publicKey);
        // Signing needs the private half to be the right one.
        writeFileSync(`${file}.data`, 'data');
        writeFileSync(`${file}.allowed`, `me ${pair.publicKey}\n`);
        execFileSync('ssh-keygen', ['-Y', 'sign', '-f', file, '-n', 'test', `${file}.data`], { stdio: 'ignore' });
        execFileSync(
          'ssh-keygen',
          ['-Y', 'verify', '-f', `${file}.allowed`, '-I', 'me', '-n', 'test', '-s', `${file}.data.sig`],
          { input: 'data', stdio: ['pipe', 'ignore', 'ignore'] },
        );
      });
    },
  );

  test('no two are the same', async () => {
    const pairs = await Promise.all(Array.from({ length: 20 }, () => generateKeyPair('x')));
    expect(new Set(pairs.map(({ publicKey }) => publicKey)).size).toBe(20);
  });

  test('refuses a comment of several lines', async () => {
    await expect(generateKeyPair('a\nb')).rejects.toThrow(RangeError);
  });
});

describe('publicBlobOf', () => {
  test('reads the public half of an encrypted key', async () => {
    const pair = await generateKeyPair('secret');
    const encrypted = inFile(pair.privateKey, (file) => {
      keygen('-p', '-f', file, '-P', '', '-N', 'passphrase');
      return readFileSync(file, 'utf8');
    });
    expect(publicBlobOf(encrypted)).toEqual(parsePublicKey(pair.publicKey));
  });

  test.each(['', 'nonsense', '-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----'])(
    '%j has none',
    (text) => {
      expect(publicBlobOf(text)).toBeUndefined();
    },
  );
});
