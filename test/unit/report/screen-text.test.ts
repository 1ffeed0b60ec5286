import { describe, expect, test } from '@jest/globals';
import { PassThrough } from 'node:stream';
import { createScreen } from '../../../src/report/screen.js';
import { FakeTerminal } from './screen.js';

describe('a screen', () => {
  test('in a pipe: one block for each change', () => {
    const pipe = new PassThrough();
    const screen = createScreen(pipe as unknown as NodeJS.WriteStream);
    for (const shown of ['one\n', 'one\n', 'two\nlines\n', 'one\n']) screen.show(shown);
    screen.end();
    expect((pipe.read() as Buffer).toString()).toBe('one\n\ntwo\nlines\n\none\n');
  });

  test('on a terminal: the text is taken back before the next', () => {
    const terminal = new FakeTerminal();
    const screen = createScreen(terminal as unknown as NodeJS.WriteStream);
    screen.show('one\n');
    screen.show('two\n');
    screen.end();
    expect(terminal.shown).toEqual(['two']);
  });

  test('on a terminal with fewer rows than lines: the rest is counted', () => {
    const terminal = new FakeTerminal({ rows: 5 });
    const screen = createScreen(terminal as unknown as NodeJS.WriteStream);
    screen.show('1\n2\n3\n4\n5\n6\n');
    screen.end();
    expect(terminal.shown).toEqual(['1', '2', '3', '… and 3 more lines']);
  });
});
