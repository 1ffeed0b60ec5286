import { afterAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import fc from 'fast-check';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { hostName, lookup, parseKnownHosts } from '../../../src/ssh/known-hosts.js';

/** Each run starts ssh-keygen four times. */
const RUNS = Number(process.env.COREUP_FUZZ_RUNS ?? 300);
const SEED = Number(process.env.COREUP_FUZZ_SEED ?? Date.now() % 2 ** 31);
const directory = mkdtempSync(join(tmpdir(), 'coreup-known-'));
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const KEYS = [['ed25519'], ['ecdsa', '-b', '384'], ['rsa', '-b', '2048']].map(([type = '', ...more]) => {
  execFileSync('ssh-keygen', ['-q', '-t', type, ...more, '-N', '', '-C', '', '-f', join(directory, type)]);
  return readFileSync(join(directory, `${type}.pub`), 'utf8').trim();
});
const HOSTS = [
  ['10.0.0.1', 22],
  ['10.0.0.1', 2222],
  ['Web.example.org', 22],
  ['fe80::1', 22],
  ['fe80::1', 2200],
] as const;

const name = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.constantFrom(
      '10.0.0.1', '[10.0.0.1]:2222', '[10.0.0.1]:22', 'web.example.org', 'WEB.EXAMPLE.ORG', 'fe80::1', '[fe80::1]:2200', 'FE80::1',
    ),
  },
  { weight: 3, arbitrary: fc.constantFrom('*', '10.*', '10.0.0.?', '*.org', '[10.0.0.1]:*', '[*]:2222', '?*', '*:*', 'we?.*') },
  { weight: 2, arbitrary: fc.constantFrom('!10.0.0.1', '!*.org', '![10.0.0.1]:2222', '!*', '!fe80::*', '!', '!!10.0.0.1') },
  { weight: 1, arbitrary: fc.constantFrom('', '|1|', '|1|abc=|def=', '|2|a|b', '#', 'x', '[', '*a*b*c*') },
); // prettier-ignore
const shaped = fc
  .tuple(
    fc.constantFrom(
      '',
      '',
      '',
      '',
      '@revoked ',
      '@cert-authority ',
      '@revoked   ',
      '@other ',
      '# ',
      '#',
      ' ',
      '\t',
      '@',
    ),
    fc.array(name, { minLength: 1, maxLength: 4 }),
    fc.constantFrom(' ', ' ', '  ', '\t', ' \t '),
    fc.constantFrom(...KEYS),
    fc.constantFrom('', '', ' a comment', '\r', ' ', '\t#', ' "x'),
  )
  .map(([marker, names, gap, key, rest]) => `${marker}${names.join(',')}${gap}${key}${rest}`);
const broken = fc.tuple(name, fc.constantFrom(...KEYS), fc.nat({ max: 80 }), fc.constantFrom('', '!', '=', 'A', '\u00a0', '\f')).map(
  ([names, key, length, more]) => `${names} ${key.slice(0, length)}${more}`,
); // prettier-ignore
const other = fc.oneof(
  fc.constantFrom('', ' ', '10.0.0.1', '10.0.0.1 ssh-ed25519', '10.0.0.1 1024 35 123456789', '10.0.0.1 nonsense AAAA', '@revoked', '@revoked *'),
  fc.string({ unit: 'grapheme-ascii', maxLength: 20 }),
  fc.constantFrom(...KEYS).map((key) => `10.0.0.1 ssh-dss ${key.split(' ')[1] ?? ''}`),
  fc.constantFrom(...KEYS).map((key) => `10.0.0.1\u00a0${key}`),
); // prettier-ignore
const file = fc
  .array(
    fc.oneof({ weight: 6, arbitrary: shaped }, { weight: 1, arbitrary: broken }, { weight: 1, arbitrary: other }),
    { minLength: 1, maxLength: 8 },
  )
  .map((lines) => `${lines.join('\n')}\n`);

/** ssh-keygen hashes the names of a file that it can read to the end. */
const readable = fc
  .array(
    fc
      .tuple(
        fc.constantFrom('', '', '', '@revoked ', '@cert-authority '),
        fc.array(
          fc.constantFrom(
            '10.0.0.1',
            '[10.0.0.1]:2222',
            'web.example.org',
            'fe80::1',
            '[fe80::1]:2200',
            '*.org',
            'other',
          ),
          {
            minLength: 1,
            maxLength: 3,
          },
        ),
        fc.constantFrom(...KEYS),
      )
      .map(([marker, names, key]) => `${marker}${names.join(',')} ${key}`),
    { minLength: 1, maxLength: 6 },
  )
  .map((lines) => `${lines.join('\n')}\n`);

/** The lines that ssh-keygen finds, each with the mark that it has there. */
async function asSshKeygen(path: string, host: string): Promise<string[]> {
  const { stdout } = await execa('ssh-keygen', ['-F', host, '-f', path], { reject: false, stdin: 'ignore' });
  return [...stdout.matchAll(/^# Host .* found: line (\d+) ?(REVOKED|CA)?\s*$/gm)].map(
    ([, line, mark]) => `${line} ${mark ?? ''}`,
  );
}

const MARKS = { revoked: 'REVOKED', 'cert-authority': 'CA' };

test('what ssh-keygen -F finds in a known_hosts, coreup finds there, too, and nothing else; also with hashed names', async () => {
  const texts = fc.sample(fc.oneof(fc.tuple(file, fc.constant(false)), fc.tuple(readable, fc.constant(true))), {
    numRuns: RUNS,
    seed: SEED,
  });
  const limit = pLimit(4);
  const differences: { host: string; text: string; foundBy: string }[] = [];
  let found = 0;
  let hashed = 0;
  // All have ended before the first failure is told.
  const ended = await Promise.allSettled(
    texts.map(([text, hash], index) =>
      limit(async () => {
        const path = join(directory, `known_hosts ${index}`);
        writeFileSync(path, text);
        // Leaves names with wildcards and marked lines as they are.
        if (hash) await execa('ssh-keygen', ['-H', '-f', path], { reject: false, stdin: 'ignore' });
        const read = readFileSync(path, 'utf8');
        if (read.includes('|1|') && !text.includes('|1|')) hashed++;
        const entries = parseKnownHosts(read);
        for (const [address, port] of HOSTS) {
          const ours = lookup(entries, address, port).map(
            ({ line, marker }) => `${line} ${marker === undefined ? '' : MARKS[marker]}`,
          );
          const theirs = await asSshKeygen(path, hostName(address, port));
          if (theirs.length > 0) found++;
          // ssh-keygen also finds lines whose key it could not use, and ssh itself passes those over.
          const usable = (at: string) => {
            const text = read.split('\n')[parseInt(at) - 1] ?? '';
            return KEYS.some((key) => ` ${text.replaceAll('\t', ' ')} `.replace('\r', ' ').includes(` ${key} `));
          };
          for (const difference of [
            ...ours.filter((at) => !theirs.includes(at)),
            ...theirs.filter((at) => usable(at) && !ours.includes(at)),
          ]) {
            const [line = ''] = difference.split(' ');
            differences.push({
              host: hostName(address, port),
              text: read.split('\n')[Number(line) - 1]?.replaceAll(/AAAA(.{4})\S*(\S{4})/g, 'AAAA$1…$2') ?? '',
              foundBy: ours.includes(difference) ? 'coreup' : 'ssh-keygen',
            });
          }
        }
        rmSync(path);
        rmSync(`${path}.old`, { force: true });
      }),
    ),
  );
  for (const result of ended) if (result.status === 'rejected') throw result.reason;
  expect({ seed: SEED, differences }).toEqual({ seed: SEED, differences: [] });
  expect(found).toBeGreaterThan(RUNS);
  expect(hashed).toBeGreaterThan(RUNS / 4);
}, 3_600_000);
