import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { optionsOf, parseUnitFile, printUnitFile, valueOf, valuesOf } from '../../../src/units/unit-file.js';
import { runs } from '../cloud-config/support.js';

const SAMPLE = `# a comment
[Unit]
Description = With blanks around it
After=a.service b.service
After=c.service

[Service]
ExecStart=/bin/sh -c 'echo \\
# in between
   one'
Environment=A=1
Environment=
Environment=B=2 \\
ExecStop=/bin/true
not an assignment
`;

describe('a unit file', () => {
  const file = parseUnitFile(SAMPLE);

  it('keeps repeated keys, in order', () => {
    expect(optionsOf(file, 'Unit', 'After').map(({ value }) => value)).toEqual(['a.service b.service', 'c.service']);
  });

  it('joins continued lines as systemd does, comments left out', () => {
    expect(valueOf(file, 'Service', 'ExecStart')).toMatchObject({
      value: "/bin/sh -c 'echo     one'",
      line: 8,
      column: 1,
    });
  });

  it('takes an empty assignment as a reset', () => {
    expect(valuesOf(file, 'Service', 'Environment').map(({ value }) => value)).toEqual(['B=2  ExecStop=/bin/true']);
  });

  it('gives places', () => {
    expect(valueOf(file, 'Unit', 'Description')).toMatchObject({ line: 3, column: 1, valueColumn: 15 });
    expect(file.items.at(-1)).toMatchObject({ kind: 'junk', line: 15, section: 'Service', text: 'not an assignment' });
  });

  it('does not continue behind an escaped backslash', () => {
    expect(optionsOf(parseUnitFile('[A]\nB=c\\\\\nD=e')).map(({ key }) => key)).toEqual(['B', 'D']);
  });

  const line = fc.oneof(
    fc.constantFrom(
      '[Unit]',
      '[Service',
      'A=b',
      'A = b \\',
      '# c',
      '; c \\',
      '',
      '  ',
      '\\',
      'x\\\\',
      '=',
      '[]',
      '\u00e9=\ud83d\ude00',
      '\ufeff[Unit]',
    ),
    fc.string(),
    fc.string({ unit: 'binary' }),
  );
  const text = fc
    .array(fc.tuple(line, fc.constantFrom('\n', '\r\n', '\r', '')))
    .map((parts) => parts.map(([a, b]) => a + b).join(''));

  it('prints back byte for byte, whatever is in it', () => {
    fc.assert(
      fc.property(text, (source) => {
        const parsed = parseUnitFile(source);
        expect(printUnitFile(parsed)).toBe(source);
        expect(parseUnitFile(printUnitFile(parsed))).toEqual(parsed);
      }),
      { numRuns: runs(2000) },
    );
  });
});
