import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { unifiedDiff } from '../../../src/plan/unified.js';
import { temporary } from './support.js';

describe('unifiedDiff', () => {
  it('says nothing of equal texts', () => {
    expect(unifiedDiff('a\nb\n', 'a\nb\n')).toBe('');
    expect(unifiedDiff('', '')).toBe('');
  });

  it('shows three lines around each change, and changes that are far apart by themselves', () => {
    const lines = Array.from({ length: 20 }, (_, index) => `${index + 1}\n`);
    const after = lines.map((line) => (line === '2\n' ? 'two\n' : line === '19\n' ? '' : line));
    expect(unifiedDiff(lines.join(''), after.join(''))).toBe(
      '@@ -1,5 +1,5 @@\n 1\n-2\n+two\n 3\n 4\n 5\n@@ -16,5 +16,4 @@\n 16\n 17\n 18\n-19\n 20\n',
    );
  });

  it('shows a file that is new, and one that goes', () => {
    expect(unifiedDiff('', 'a\nb\n')).toBe('@@ -0,0 +1,2 @@\n+a\n+b\n');
    expect(unifiedDiff('a\n', '')).toBe('@@ -1 +0,0 @@\n-a\n');
  });

  it('marks a last line without a break', () => {
    expect(unifiedDiff('a', 'a\n')).toBe('@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n');
  });

  it('replaces all of what is too long to compare', () => {
    const many = (word: string): string => Array.from({ length: 2500 }, (_, index) => `${word}${index}\n`).join('');
    const text = unifiedDiff(`same\n${many('a')}`, `same\n${many('b')}`);
    expect(text.startsWith('@@ -1,2501 +1,2501 @@\n same\n-a0\n')).toBe(true);
  });

  it('is what patch(1) makes the new text from', () => {
    const directory = temporary();
    const text = fc
      .tuple(fc.array(fc.constantFrom('a', 'b', 'c', '', ' x', '-y', '+z', '@@'), { maxLength: 14 }), fc.boolean())
      .map(([lines, ended]) => lines.join('\n') + (ended && lines.length > 0 ? '\n' : ''));
    fc.assert(
      fc.property(text, text, (before, after) => {
        const file = join(directory, 'file');
        writeFileSync(file, before);
        const input = `--- file\n+++ file\n${unifiedDiff(before, after)}`;
        if (before !== after) {
          const { status, stdout } = spawnSync('patch', ['--quiet', '--fuzz=0', file], { input, encoding: 'utf8' });
          expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
        }
        expect(readFileSync(file, 'utf8')).toBe(after);
      }),
      { numRuns: 150 },
    );
  });
});
