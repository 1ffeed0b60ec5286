import { EventEmitter } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { addDisplay } from '../../../src/report/foreground.js';
import { askSecret, type SecretTerminal } from '../../../src/report/secret.js';
import { InterruptedError } from '../../../src/util/errors.js';
import { FakeTerminal } from './screen.js';

/** A STAND-IN for the program's own terminal: keys are given to it, and what it is told is kept in order. */
class FakeKeyboard extends EventEmitter {
  isRaw = false;
  reading = false;
  readonly back: string[] = [];
  readonly story: string[] = [];

  setRawMode(raw: boolean): this {
    this.isRaw = raw;
    this.story.push(raw ? 'echo off' : 'echo on');
    return this;
  }
  resume(): this {
    this.reading = true;
    return this;
  }
  pause(): this {
    this.reading = false;
    return this;
  }
  unshift(chunk: Buffer): void {
    this.back.push(chunk.toString());
  }
}

/** Asks, and types the chunks one after the other as soon as somebody listens. */
async function typed(...chunks: readonly (string | Buffer)[]) {
  const input = new FakeKeyboard();
  const output = new FakeTerminal();
  const write = output.write.bind(output);
  output.write = ((text: string) => {
    input.story.push(text.trim());
    return write(text);
  }) as typeof output.write;
  const answer = askSecret('Password?', { input, output } as unknown as SecretTerminal);
  answer.catch(() => undefined);
  while (!input.reading) await new Promise(setImmediate);
  for (const chunk of chunks) {
    if (chunk === 'end') input.emit('end');
    else input.emit('data', Buffer.from(chunk));
  }
  return { answer, input, output };
}

describe('askSecret', () => {
  it('turns the echo off before it asks, shows nothing of what is typed, and turns it on again', async () => {
    const { answer, input, output } = await typed('hun', 'ter2\r');
    expect(await answer).toBe('hunter2');
    expect(input.story).toEqual(['echo off', 'Password?', 'echo on', '']);
    expect(output.raw).toBe('Password? \n');
    expect([input.isRaw, input.reading, input.listenerCount('data'), input.listenerCount('end')]).toEqual([
      false, false, 0, 0,
    ]); // prettier-ignore
  });

  it.each([
    ['a line feed ends it, too', ['a b\n'], 'a b'],
    ['backspace takes a character back, all of its bytes', ['aé\x7fb\x08c\r'], 'ac'],
    ['backspace at the start does nothing', ['\x7f\x7fa\r'], 'a'],
    ['Ctrl-U takes all back', ['wrong\x15right\r'], 'right'],
    ['Ctrl-D in a line is a character', ['a\x04\r'], 'a\x04'],
    ['Ctrl-D at the start ends the input', ['\x04'], ''],
    ['the end of the input is an empty answer', ['abc', 'end'], ''],
    ['a character may come in two chunks', [Buffer.from([0xc3]), Buffer.from([0xbc, 0x0d])], 'ü'],
  ] as [string, (string | Buffer)[], string][])('%s', async (_, chunks, expected) => {
    const { answer } = await typed(...chunks);
    expect(await answer).toBe(expected);
  });

  it('gives back what was typed after the line: the next question is another one', async () => {
    const { answer, input } = await typed('one\rtwo\r');
    expect(await answer).toBe('one');
    expect(input.back).toEqual(['two\r']);
  });

  it('ends with an interruption at Ctrl-C, with the echo on', async () => {
    const { answer, input } = await typed('abc\x03');
    await expect(answer).rejects.toBeInstanceOf(InterruptedError);
    expect(input.isRaw).toBe(false);
  });

  it('leaves a terminal raw that was raw before', async () => {
    const input = new FakeKeyboard();
    input.isRaw = true;
    const answer = askSecret('?', { input, output: new FakeTerminal() } as unknown as SecretTerminal);
    while (!input.reading) await new Promise(setImmediate);
    input.emit('data', Buffer.from('x\r'));
    expect(await answer).toBe('x');
    expect(input.isRaw).toBe(true);
  });

  it('keeps what redraws itself off the terminal, and asks one question at a time', async () => {
    const story: string[] = [];
    const remove = addDisplay({ pause: () => story.push('pause'), resume: () => story.push('resume') });
    try {
      const [first, second] = [new FakeKeyboard(), new FakeKeyboard()];
      const ask = (input: FakeKeyboard) =>
        askSecret('?', { input, output: new FakeTerminal() } as unknown as SecretTerminal);
      const answers = [ask(first), ask(second)];
      while (!first.reading) await new Promise(setImmediate);
      expect(second.reading).toBe(false);
      first.emit('data', Buffer.from('1\r'));
      while (!second.reading) await new Promise(setImmediate);
      second.emit('data', Buffer.from('2\r'));
      expect(await Promise.all(answers)).toEqual(['1', '2']);
      expect(story).toEqual(['pause', 'resume', 'pause', 'resume']);
    } finally {
      remove();
    }
  });
});
