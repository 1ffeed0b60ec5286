import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseBlockYaml } from '../../../src/cloud-config/block-yaml.js';
import { parseYaml } from '../../../src/cloud-config/parse-yaml.js';
import { InputError } from '../../../src/util/errors.js';
import { documents, runs } from './support.js';

const H = '#cloud-config\n';

/** Where the quick reader answers, it says exactly what the yaml package says. @returns whether it answered */
function agrees(text: string): boolean {
  const quick = parseBlockYaml(text);
  if (quick === undefined) return false;
  let slow;
  try {
    slow = parseYaml({ file: 'x', text });
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new Error(`taken, but refused by yaml: ${JSON.stringify(text)}: ${error.message}`);
  }
  expect(quick).toEqual(slow);
  return true;
}

describe('the quick reader', () => {
  it.each([
    '\n---\ncoreos:\n  etcd2:\n    name: core-01 # why\n    listen-client-urls: http://0.0.0.0:2379,http://$private_ipv4:4001\n  units:\n  - name: etcd2.service\n    command: start\n    enable: true\n',
    'a:\n    - b: "c, d"\n      e: \'f: #\'\n\n    # comment\n    - g\n    -   h: |\n          x\n\n            y # z\n        i: -1\nj:\nk: ~\n',
    'write_files:\n- path: /a\n  content: |-\n    \tx\n    # no comment\n\n# comment\n- path: /b\n  content: |\n   y\n\n\n',
  ])('takes the usual %#', (text) => {
    expect(agrees(H + text)).toBe(true);
  });

  it.each([
    'a: [b]\n',
    'a: &b c\n',
    'a: >\n  b\n',
    'a: "\\n"\n',
    'a: b\n  c\n',
    'a: 1\na: 2\n',
    'a: 1\r\n',
    'a:\n   b: 1\n  c: 2\n',
    '- a\n',
    'a: b: c\n',
  ])('leaves %j to the whole parser', (text) => {
    expect(parseBlockYaml(H + text)).toBeUndefined();
  });

  const indent = fc.constantFrom('', '  ', '    ', ' ', '      ');
  const line = fc.tuple(
    indent,
    fc.constantFrom(
      'a:',
      'b-c:',
      'd: 1',
      'e: text # c',
      'f: |',
      'g: |-',
      'h: "x"',
      "i: 'y'",
      '- j',
      '- k: l',
      '-',
      '- m:',
      '# comment',
      '',
      '---',
      '- |',
      'n: x:y',
      'o: "p" #',
      'q: "r"s',
      'text',
      't: #u',
      '- - v',
      'w : x',
      'y: z # "',
      '...',
      'aa: -',
      'bb: ---',
      'cc: a#b',
      '\tdd: 1',
      'ee: \tx',
      'ff: ~',
      '- "gg": 1',
      'hh: $x',
      'ii: "',
      '-\tjj',
      'kk:  ll  ',
      '|',
      '- mm:nn',
    ),
  );
  const loose = fc.tuple(fc.array(line, { maxLength: 14 }), fc.boolean());

  it('says what the yaml package says, or nothing', () => {
    let answered = 0;
    fc.assert(
      fc.property(loose, ([lines, final]) => {
        const text = H + lines.map(([pad, rest]) => pad + rest).join('\n') + (final ? '\n' : '');
        if (agrees(text)) answered++;
      }),
      { numRuns: runs(4000) },
    );
    expect(answered).toBeGreaterThan(0);
  });

  it('says the same on documents, whole and with a line lost, doubled or moved', () => {
    let answered = 0;
    fc.assert(
      fc.property(
        documents,
        fc.nat(),
        fc.constantFrom('none', 'lose', 'double', 'indent', 'swap'),
        (text, seed, change) => {
          const lines = text.split('\n');
          const at = seed % lines.length;
          const line = lines[at] ?? '';
          if (change === 'lose') lines.splice(at, 1);
          if (change === 'double') lines.splice(at, 0, line);
          if (change === 'indent') lines[at] = ` ${line}`;
          if (change === 'swap') lines.splice(at, 2, lines[at + 1] ?? '', line);
          if (agrees(lines.join('\n'))) answered++;
        },
      ),
      { numRuns: runs(3000) },
    );
    expect(answered).toBeGreaterThan(runs(3000) / 10);
  });

  it('says the same on any characters', () => {
    const value = fc.string({
      unit: fc.constantFrom(...Array.from('ab 01:#-"\'|>[]{},&*!%@`~.$/\\=+<?;^(_é\u{1f600}')),
    });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), value), { maxLength: 4 }), (pairs) => {
        agrees(H + pairs.map(([key, text]) => `${key}: ${text}\n`).join(''));
        agrees(`${H}l:\n${pairs.map(([key, text]) => `- ${key}${text}\n`).join('')}`);
        agrees(`${H}t: |\n${pairs.map(([, text]) => `  ${text}\n`).join('')}z: 1\n`);
      }),
      { numRuns: runs(2000) },
    );
  });
});
