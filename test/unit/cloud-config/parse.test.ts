import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseCloudConfig } from '../../../src/cloud-config/parse.js';
import { InputError } from '../../../src/util/errors.js';
import { plain, runs } from './support.js';

const H = '#cloud-config\n';
const parse = (text: string | Uint8Array): unknown => plain(parseCloudConfig({ file: 'user-data', text }).root);

describe('the header', () => {
  it.each([
    '#cloud-config',
    '#cloud-config\n',
    '#cloud-config \t\r\n\r\n---\r\n',
    '',
    `${H}# only a comment\n`,
    `${H}~\n`,
  ])('takes %j as a document without keys', (text) => {
    expect(parse(text)).toBeNull();
  });

  it.each<[string | Uint8Array, RegExp]>([
    ['\n#cloud-config\n', /user-data:1:1: the first line must be exactly "#cloud-config"; found an empty line/],
    ['#cloud-configs\n', /found "#cloud-configs"/],
    [' #cloud-config\n', /first line/],
    ['\ufeff#cloud-config\n', /byte order mark/],
    ['#!/bin/sh\n', /a script/],
    ['{"ignition": {"version": "2.0.0"}}', /Ignition/],
    ['{"ignitionVersion": 1}', /Ignition/],
    ['{"other": 1}', /first line/],
    [Uint8Array.of(0x23, 0xff, 0x0a), /user-data:1:2: a byte here is not UTF-8/],
    [gzipSync('#!/bin/sh\n'), /a script/],
    [gzipSync(Buffer.alloc(65 * 1024 * 1024)), /unpacks to more than/],
    [gzipSync('#cloud-config\n').subarray(0, 12), /cannot be unpacked/],
  ])('refuses %#', (text, message) => {
    expect(() => parse(text)).toThrow(message);
    expect(() => parse(text)).toThrow(InputError);
  });

  it('unwraps gzip', () => {
    expect(parse(gzipSync(`${H}hostname: a\n`))).toEqual({ hostname: 'a' });
  });
});

describe('YAML', () => {
  it('keeps the text of scalars, and takes - and _ as one', () => {
    expect(parse(`${H}a-b: off\nc_d: 0644\ne: 12:30\nf: ~\ng: "x\\ty"\nh: |\n  1\n  2\ni: >\n  a\n  b\n`)).toEqual({
      a_b: 'off',
      c_d: '0644',
      e: '12:30',
      f: '~',
      g: 'x\ty',
      h: '1\n2\n',
      i: 'a b\n',
    });
  });

  it('reads CRLF like LF', () => {
    const text = `${H}a:\n- b: |\n    x\n\n    y\n  c: 'd'\n`;
    expect(parse(text.replaceAll('\n', '\r\n'))).toEqual(parse(text));
  });

  it('resolves aliases and merge keys; the later one counts', () => {
    expect(parse(`${H}x: &a {p: 1, q: 2}\ny:\n  <<: *a\n  q: 3\nz: [*a]\n`)).toEqual({
      x: { p: '1', q: '2' },
      y: { p: '1', q: '3' },
      z: [{ p: '1', q: '2' }],
    });
  });

  it('does not mind many aliases', () => {
    expect(parse(`${H}a: &a x\nb: [${Array(50).fill('*a').join(', ')}]\n`)).toMatchObject({ b: Array(50).fill('x') });
  });

  it('keeps places', () => {
    const document = parseCloudConfig({ file: 'f', text: `${H}\na:\n  - b: "c"\n` });
    const a = document.root?.entries[0];
    const b =
      a?.value.kind === 'sequence' && a.value.items[0]?.kind === 'mapping' ? a.value.items[0].entries[0] : undefined;
    expect(document.position(a?.keyStart ?? 0)).toEqual({ line: 3, column: 1 });
    expect(document.position(b?.keyStart ?? 0)).toEqual({ line: 4, column: 5 });
    expect(document.position(b?.value.start ?? 0)).toEqual({ line: 4, column: 8 });
  });

  it.each<[string, RegExp]>([
    ['a: b: c\n', /user-data:2:4: not valid YAML/],
    ['a:\n\tb: 1\n', /user-data:3:1: not valid YAML: a tab/],
    ['a: "x\n', /not valid YAML: missing closing/],
    ['a-b: 1\na_b: 2\n', /user-data:3:1: the key "a_b" is already given on line 2 \(spelled "a-b"/],
    ['---\na: 1\n---\nb: 1\n', /user-data:5:1: a second YAML document/],
    ['- a\n', /found a list/],
    ['text\n', /found the text "text"/],
    ['? [a]\n: b\n', /a key cannot be a list/],
    ['a: *b\n', /\*b has no anchor/],
    ['a: &a [*a]\n', /contains itself/],
    ['a: !!int x\n', /not of the type/],
    ['a: "\u0007"\n', /U\+0007 is not allowed/],
    ['write_files:\n - path: "/etc/resolv.conf"\n permissions: "0644"\n', /user-data:4:2: not valid YAML/],
  ])('refuses %j at its place', (text, message) => {
    expect(() => parse(H + text)).toThrow(message);
  });

  it('shows the line, with a caret', () => {
    try {
      parse(`${H}a: 1\nb: "\u0007"\nc: 1\n`);
      throw new Error('not refused');
    } catch (error) {
      expect((error as InputError).frame).toBe(
        '  1 | #cloud-config\n  2 | a: 1\n> 3 | b: "\u0007"\n    |     ^\n  4 | c: 1\n  5 |',
      );
      expect((error as InputError).exitCode).toBe(2);
    }
  });
});

describe('hostile texts', () => {
  const bomb = Array.from(
    { length: 12 },
    (_, i) =>
      `a${i}: &a${i} [${Array(10)
        .fill(i === 0 ? 'x' : `*a${i - 1}`)
        .join(',')}]\n`,
  ).join('');
  it.each<[string, string]>([
    ['an alias bomb', bomb],
    [
      'a merge bomb',
      `a0: &a0 {k: v}\n${Array.from({ length: 30 }, (_, i) => `a${i + 1}: &a${i + 1} {<<: [*a${i}, *a${i}]}\n`).join('')}`,
    ],
    ['brackets', '['.repeat(1e6)],
    ['dashes', '- '.repeat(5e5)],
    ['tags', '! '.repeat(3e5)],
    ['anchors', '&a '.repeat(3e5)],
    ['commas', `a: [${','.repeat(3e5)}`],
    ['documents', '---\n'.repeat(2e5)],
    ['an open quote', `a: "${'\n'.repeat(5e5)}`],
    ['duration', `coreos: {locksmith: {window_length: ${'a'.repeat(1e5)}!}}`],
  ])('%s ends, at worst in an error that says why', (_name, text) => {
    let problem: unknown;
    try {
      parse(H + text);
    } catch (error) {
      problem = error;
    }
    expect(problem === undefined || problem instanceof InputError).toBe(true);
  });

  it('never fails in another way', () => {
    const word = fc.constantFrom(
      'a',
      ': ',
      '- ',
      '\n',
      '  ',
      '\n  ',
      '[',
      ']',
      '{',
      '}',
      ',',
      '&x ',
      '*x',
      '!!int ',
      '"',
      "'",
      '|',
      '>-',
      '#',
      '%',
      '---\n',
      '<<: ',
      '? ',
      '\t',
      '\r\n',
      '1',
      '~',
    );
    const text = fc.array(fc.oneof({ weight: 8, arbitrary: word }, fc.string({ unit: 'binary', maxLength: 3 })), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(text, fc.boolean(), (parts, header) => {
        try {
          parse((header ? H : '') + parts.join(''));
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
        }
      }),
      { numRuns: runs(2000) },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          parse(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
        }
      }),
      { numRuns: runs(500) },
    );
  });
});
