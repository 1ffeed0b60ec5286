import { describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import fc from 'fast-check';
import { quote, sh } from '../../../src/util/shell.js';

const SHELLS = ['/bin/sh', '/bin/dash', '/bin/bash', '/bin/busybox'].filter((shell) => existsSync(shell));

/** What a real shell makes of commands: each word of each, NUL behind every word. */
function words(shell: string, script: string): string[] {
  const output = execFileSync(shell, shell.endsWith('busybox') ? ['sh'] : [], { input: script, maxBuffer: 1 << 28 });
  return output.toString('utf8').split('\0').slice(0, -1);
}

const asUtf8 = (text: string) => Buffer.from(text, 'utf8').toString('utf8');

const nasty = fc.constantFrom(
  ...['', ' ', '\t', '\n', '\r', '\\', "'", '"', '`', '$', '$(', '${', '!', '!!', '#', '~', '=', '-', '--', '*', '?'],
  ...['[', ']', '{a,b}', '(', ')', '<', '>', '|', '&', ';', '%', '^', '\x01', '\x1b[31m', '\x7f', '\u0080', 'é', '😀'],
  ...['\ud800', '\udc00', '\u2028', 'if', 'then', 'a=b', '~root', '-n', '\\n', '$HOME', '`id`', '\\\n', "'\\''"],
);
const anyWord = fc
  .oneof(
    fc.array(nasty, { maxLength: 8 }).map((pieces) => pieces.join('')),
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.string({ unit: 'grapheme-ascii', maxLength: 40 }),
  )
  .map((text) => text.replaceAll('\0', ''));

describe.each(SHELLS)('quote, read by %s', (shell) => {
  test('any word comes back as it was (lone surrogates as U+FFFD)', () => {
    fc.assert(
      fc.property(fc.array(anyWord, { minLength: 300, maxLength: 300 }), (texts) => {
        // printf reuses its format for every word; one word a line, so that no line gets too long.
        const script = texts.map((text) => `printf '%s\\0' ${quote(text)}`).join('\n');
        expect(words(shell, script)).toEqual(texts.map(asUtf8));
      }),
      { numRuns: 20 },
    );
  });

  test('several words at once, at the start, next to each other', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(anyWord, anyWord), { minLength: 100, maxLength: 100 }), (pairs) => {
        const script = pairs.map(([a, b]) => sh`printf '%s\0' ${[a, b]} ${a}${b}`).join('\n');
        // The template's own \0 is a NUL there; printf needs the two characters.
        expect(words(shell, script.replaceAll('\0', '\\0'))).toEqual(
          pairs.flatMap(([a, b]) => [asUtf8(a), asUtf8(b), asUtf8(a) + asUtf8(b)]),
        );
      }),
      { numRuns: 10 },
    );
  });

  test.each(['if', 'while', 'a=b', 'PATH=/x', '~', 'function', 'case', '!', '{', '[[', 'select'])(
    '%s as the command is an unknown command, nothing else',
    (word) => {
      const script = `${quote(word)} 2>/dev/null; printf '%s\\0' $?`;
      expect(words(shell, script)).toEqual(['127']);
    },
  );
});

describe('quote', () => {
  test.each(['core', '/etc/systemd/system/a@1.service', 'http://10.0.0.1:2379', '0644', '-f', '50%'])(
    'leaves %s readable',
    (text) => {
      expect(quote(text)).toBe(text);
    },
  );

  test.each([
    ['', "''"],
    ['a b', "'a b'"],
    ["it's", `'it'\\''s'`],
    ['a=b', "'a=b'"],
  ])('%j becomes %s', (text, quoted) => {
    expect(quote(text)).toBe(quoted);
  });

  test('refuses a NUL', () => {
    expect(() => quote('a\0b')).toThrow(RangeError);
  });
});

describe('sh', () => {
  test('quotes strings, numbers and lists', () => {
    expect(sh`install -m ${644} ${['a b', 'c']} -- ${'/tmp/x y'} ${[]}`).toBe(`install -m 644 'a b' c -- '/tmp/x y' `);
  });

  test('a number does not become a descriptor', () => {
    expect(() => sh`echo ${2}>file`).toThrow(RangeError);
    expect(sh`echo ${2} >file`).toBe('echo 2 >file');
    expect(sh`echo ${'a2'}>file`).toBe('echo a2>file');
    expect(sh`echo x${2}>file`).toBe('echo x2>file');
  });

  test('empty text between values', () => {
    expect(sh`${'a'}${'b c'}`).toBe(`a'b c'`);
  });
});
