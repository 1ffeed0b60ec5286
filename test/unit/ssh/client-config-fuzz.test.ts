import { afterAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import fc from 'fast-check';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { userInfo, tmpdir } from 'node:os';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { SshClientConfig } from '../../../src/ssh/client-config.js';
import type { ClientConfig } from '../../../src/ssh/client-config-parse.js';
import { targetOf } from '../../../src/ssh/destinations.js';
import { InputError } from '../../../src/util/errors.js';

/** Each run starts ssh several times. */
const RUNS = Number(process.env.COREUP_FUZZ_RUNS ?? 200);
const SEED = Number(process.env.COREUP_FUZZ_SEED ?? Date.now() % 2 ** 31);
const directory = mkdtempSync(join(tmpdir(), 'coreup ssh config '));
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const HOSTS = [
  'web1',
  'WEB1.Example.org',
  '10.0.0.5',
  'fe80::1',
  'fe80::1%lo',
  'me@web1',
  'ssh://me@web1:2200',
  '-web1',
  'a b',
  'ü',
];

// Nothing random may come after `exec`: ssh runs it. CanonicalizeHostname would ask a name server.
const KEYWORDS = [
  'HostName', 'Port', 'User', 'IdentityFile', 'IdentitiesOnly', 'IdentityAgent', 'CertificateFile', 'ProxyJump', 'ProxyCommand',
  'UserKnownHostsFile', 'GlobalKnownHostsFile', 'HostKeyAlias', 'RevokedHostKeys', 'AddressFamily', 'BindAddress', 'Ciphers',
  'MACs', 'KexAlgorithms', 'HostKeyAlgorithms', 'CASignatureAlgorithms', 'RequiredRSASize', 'StrictHostKeyChecking', 'SetEnv',
  'SendEnv', 'Tag', 'PreferredAuthentications', 'IgnoreUnknown', 'ControlPath', 'RemoteCommand', 'LocalForward', 'NoSuchThing',
  'ConnectTimeout', 'ServerAliveInterval', 'PKCS11Provider', 'KnownHostsCommand', 'BindInterface', 'hostname', 'PORT',
]; // prettier-ignore
const piece = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(
    '%h', '%n', '%p', '%r', '%u', '%d', '%C', '%k', '%L', '%l', '%j', '%i', '%%', '%', '%z', '${HOME}', '${', '${NO_SUCH}', '~', '~/.ssh/id',
    '~root/x', '/a b', '"', '""', "'", '\\', '\\"', '#', ' # x', '=', ' = ', ',', ' ', '\t', '*', '?', '!', '!web1', 'web1', '10.0.0.5', '[::1]:22',
    '::1', 'me@one:22', 'ssh://me@one', 'none', 'yes', 'no', 'any', 'inet6', '22', '0', '65536', '-1', '99999999999999999999',
    '+aes128-ctr', '-*', '^aes256-ctr', 'aes128-ctr', 'ssh-ed25519', 'accept-new', 'SSH_AUTH_SOCK', '$HOME', '1h', '4096',
  ) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 8 }).map((text) => text.replaceAll('\n', ' ')) },
); // prettier-ignore
const value = fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join(''));
const between = fc.constantFrom(' ', '  ', '\t', '=', ' = ', ' =', '');
const end = fc.constantFrom('', '', '', ' ', '\r', '\f', '\t ', ' # comment', '\0', '\x07');
const quoted = fc.tuple(value, fc.constantFrom('"', "'", '')).map(([text, quote]) => `${quote}${text}${quote}`);
const setting = fc
  .tuple(fc.constantFrom('', '  ', '\t'), fc.constantFrom(...KEYWORDS), between, fc.array(quoted, { minLength: 1, maxLength: 3 }), end)
  .map(([indent, keyword, gap, values, rest]) => `${indent}${keyword}${gap}${values.join(' ')}${rest}`); // prettier-ignore
const block = fc.oneof(
  fc.constantFrom(
    'Host *', 'Host web1', 'Host !web1 *', 'Host "a b"', 'Host', 'Host=*', 'Match all', 'Match host web1', 'Match user me', 'Match',
    'Match exec "true"', 'Match exec "false"', 'Match exec "kill -9 $$"', 'Match originalhost web1,!x', 'Match final all', 'Match canonical', 'Match !all',
    'Match localuser root', 'Match nothing x', 'Match host',
  ),
  quoted.map((text) => `Host ${text}`),
  quoted.map((text) => `Match host ${text.replaceAll(/\s/g, '')}`),
); // prettier-ignore
/** The other files are a valid one, one that includes itself, two that include each other, and none. */
const include = fc
  .array(
    fc.constantFrom('valid', 'itself', 'this', 'that', 'no-such', '*.wild', '""', '/', '/proc/self', '~', '${HOME}/x'),
    {
      minLength: 1,
      maxLength: 2,
    },
  )
  .map(
    (names) => `Include ${names.map((name) => (/^[a-z*]/.test(name) ? `"${join(directory, name)}"` : name)).join(' ')}`,
  );
const odd = fc.oneof(
  fc.constantFrom('', '#', '# comment', '"', '=', ' ', `Host ${'h'.repeat(5000)}`, `IdentityFile ${'/x'.repeat(50_000)}`, `User ${'u '.repeat(3000)}`),
  fc.constant('\uFEFFHost *'),
  fc.string({ unit: 'binary', maxLength: 30 }).filter((text) => !/match|include/i.test(text)),
); // prettier-ignore
const text = fc
  .array(fc.oneof({ weight: 8, arbitrary: setting }, { weight: 2, arbitrary: block }, { weight: 1, arbitrary: include }, { weight: 1, arbitrary: odd }), { maxLength: 8 })
  .map((lines) => lines.join('\n')); // prettier-ignore
/** Most files have one mistake, which hides everything else; these have at most few. */
const tame = fc
  .array(
    fc.constantFrom(
      'HostName 10.1.2.3', 'HostName %h.example.org', 'HostName "::1"', 'Port 2200', 'Port=2201', 'User admin', 'User "a b"', 'Host *', 'Host web1',
      'Match host web1', 'Match exec "true"', 'IdentityFile "~/a b/%h"', 'IdentityFile ${HOME}/%r', 'IdentityFile none', 'IdentitiesOnly yes',
      'ProxyJump one', 'ProxyJump me@one:22,[::1]:2', 'ProxyJump none', 'UserKnownHostsFile "/a b" /c', 'UserKnownHostsFile none', 'HostKeyAlias %h',
      'AddressFamily inet6', 'BindAddress ::1', 'Ciphers -aes128*', 'Ciphers 3des-cbc', 'RequiredRSASize 2048', 'IdentityAgent $HOME', 'IdentityAgent none',
      'StrictHostKeyChecking accept-new', 'RevokedHostKeys ~/r', 'ProxyCommand x %h', '# comment', '', `Include "${join(directory, 'valid')}"`,
      'HostName 10.9.9.9 # behind it', "IdentityFile '/single q'", 'IdentityFile "/back\\\\slash"', 'IdentityFile /%d/%u/%L/%i',
    ),
    { maxLength: 8 },
  )
  .map((lines) => lines.join('\n')); // prettier-ignore

for (const [name, lines] of [
  ['valid', 'Host web1\n  Port 2222\n'],
  ['itself', `Include "${join(directory, 'itself')}"\n`],
  ['this', `Include "${join(directory, 'that')}"\n`],
  ['that', `Include "${join(directory, 'this')}"\n`],
  ['b.wild', 'User wild\n'],
] as const) {
  writeFileSync(join(directory, name), lines);
}
mkdirSync(join(directory, 'a.wild'));

/** Reads what ssh prints in another way than coreup does: the first line of a keyword, with a regular expression. */
function firstOf(printed: string, keyword: string): string | undefined {
  return new RegExp(`^${keyword} ([^\\n]*)$`, 'm').exec(printed)?.[1]?.replace(/\r$/, '');
}

function compare(said: ClientConfig, printed: string, host: string): void {
  expect(said.address).toBe(firstOf(printed, 'hostname') ?? host);
  expect(String(said.port)).toBe(firstOf(printed, 'port'));
  expect(said.user).toBe(firstOf(printed, 'user') ?? userInfo().username);
  expect(said.identitiesOnly).toBe(firstOf(printed, 'identitiesonly') === 'yes');
  expect(said.family).toBe({ inet: 4, inet6: 6 }[firstOf(printed, 'addressfamily') ?? '']);
  const files = printed.match(/^identityfile (?!none$)[^\n]+$/gim) ?? [];
  expect(said.identityFiles).toHaveLength(files.length);
  for (const file of [...said.identityFiles, ...said.knownHostsFiles]) expect(file).toMatch(/^\//);
  const way = firstOf(printed, 'proxyjump') ?? 'none';
  expect(said.jumps).toHaveLength(way.toLowerCase() === 'none' ? 0 : way.split(',').filter(Boolean).length);
}

test('whatever stands in an ssh_config, what ssh makes of it is read, or refused as input', async () => {
  const sample = <T>(arbitrary: fc.Arbitrary<T>, seed: number) => fc.sample(arbitrary, { numRuns: RUNS, seed });
  const texts = sample(fc.oneof(text, tame), SEED);
  const hosts = sample(fc.constantFrom(...HOSTS), SEED + 1);
  const count = { read: 0, refusedBySsh: 0, refusedByCoreup: 0 };
  const limit = pLimit(4);
  // All have ended before the first failure is told.
  const ended = await Promise.allSettled(
    texts.map((lines, index) =>
      limit(async () => {
        const host = hosts[index] ?? 'web1';
        const file = join(directory, `config ${index}`);
        writeFileSync(file, lines);
        const config = new SshClientConfig({ file });
        const begun = performance.now();
        try {
          const args = ['-G', '-F', file, '--', host];
          const printed = await execa('ssh', args, { stdin: 'ignore', reject: false, timeout: 10_000 });
          try {
            compare(await config.of(host), printed.stdout, host);
            await targetOf('core-01', { address: host }, config);
            count.read++;
          } catch (error) {
            if (!(error instanceof InputError)) throw error;
            expect(error).toMatchObject({
              code: expect.stringMatching(/^SSH_(CONFIG|PROXY_COMMAND|JUMP_LOOP)$/),
              exitCode: 2,
            });
            expect(error.hint).toBeTruthy();
            if (printed.exitCode === 0) count.refusedByCoreup++;
            else count.refusedBySsh++;
          }
          expect(performance.now() - begun).toBeLessThan(9000);
        } catch (error) {
          throw new Error(`seed ${SEED}, host ${host}: ${JSON.stringify(lines.slice(0, 2000))}`, { cause: error });
        } finally {
          rmSync(file);
        }
      }),
    ),
  );
  for (const result of ended) if (result.status === 'rejected') throw result.reason;
  // Otherwise the generator has become too wild, and the test looks at nothing.
  expect(count.read).toBeGreaterThan(RUNS / 10);
  if (process.env.COREUP_FUZZ_RUNS !== undefined) process.stderr.write(`${JSON.stringify({ SEED, ...count })}\n`);
}, 3_600_000);
