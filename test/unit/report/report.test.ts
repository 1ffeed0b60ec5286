import { PassThrough } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { ask, confirm } from '../../../src/report/confirm.js';
import { createReporter } from '../../../src/report/create.js';
import { inForeground } from '../../../src/report/foreground.js';
import { PlainReporter } from '../../../src/report/plain.js';
import { TerminalReporter } from '../../../src/report/terminal.js';
import { InterruptedError } from '../../../src/util/errors.js';
import { FakeTerminal } from './screen.js';

describe('PlainReporter', () => {
  function plain(verbose = false): { reporter: PlainReporter; lines: () => string[] } {
    let text = '';
    const reporter = new PlainReporter({ write: (more: string) => (text += more) }, verbose);
    return { reporter, lines: () => text.split('\n').slice(0, -1) };
  }

  it('writes a line for each thing, naming the member', async () => {
    const { reporter, lines } = plain();
    const result = await reporter.phase('Reaching the hosts', () => {
      reporter.member('core-01', 'waiting');
      reporter.member('core-01', 'reached', 'done');
      reporter.member('core-02', 'no route', 'failed');
      reporter.info('a note');
      reporter.warn('careful');
      reporter.debug('a command');
      return Promise.resolve(42);
    });
    expect(result).toBe(42);
    expect(lines()).toEqual([
      'Reaching the hosts',
      'core-01: waiting',
      'core-01: reached',
      'core-02: FAILED: no route',
      'a note',
      'warning: careful',
    ]);
  });

  it('says each note once in a phase, but never swallows a failure', async () => {
    const { reporter, lines } = plain();
    reporter.member('a', 'x');
    reporter.member('a', 'x');
    reporter.member('b', 'x');
    reporter.member('a', 'x', 'failed');
    await reporter.phase('next', () => {
      reporter.member('a', 'x');
      return Promise.resolve();
    });
    expect(lines()).toEqual(['a: x', 'b: x', 'a: FAILED: x', 'next', 'a: x']);
  });

  it('shows commands with -v', () => {
    const { reporter, lines } = plain(true);
    reporter.debug('a command');
    expect(lines()).toEqual(['a command']);
  });

  it('passes on what a phase throws', async () => {
    await expect(plain().reporter.phase('x', () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  });
});

describe('TerminalReporter on a fake terminal', () => {
  function live(size: { rows?: number; columns?: number } = {}, colors = false) {
    const screen = new FakeTerminal(size);
    return { screen, reporter: new TerminalReporter(screen as unknown as NodeJS.WriteStream, true, colors) };
  }

  it('shows the phase with a line per member, and leaves only the title when it is over', async () => {
    const { screen, reporter } = live();
    await reporter.phase('Reaching the hosts', () => {
      reporter.member('core-01', 'waiting');
      reporter.member('core-02', 'reached', 'done');
      expect(screen.shown).toEqual([
        expect.stringMatching(/^\S Reaching the hosts$/),
        '    core-01  waiting',
        '  ✔ core-02  reached',
      ]);
      return Promise.resolve();
    });
    expect(screen.shown).toEqual(['✔ Reaching the hosts']);
    expect(screen.cursorShown).toBe(true);
  });

  it('leaves the members that failed, and passes the failure on', async () => {
    const { screen, reporter } = live();
    const phase = reporter.phase('Reaching the hosts', () => {
      reporter.member('core-01', 'reached', 'done');
      reporter.member('core-02', 'no route', 'failed');
      return Promise.reject(new Error('broken'));
    });
    await expect(phase).rejects.toThrow('broken');
    expect(screen.shown).toEqual(['✖ Reaching the hosts', '  ✖ core-02  no route']);
    expect(screen.cursorShown).toBe(true);
  });

  it('keeps what is said above the running phase, and phases below each other', async () => {
    const { screen, reporter } = live();
    await reporter.phase('one', () => {
      reporter.info('a note');
      reporter.warn('careful');
      reporter.debug('a command');
      expect(screen.shown).toEqual(['a note', 'warning: careful', 'a command', expect.stringMatching(/^\S one$/)]);
      return Promise.resolve();
    });
    reporter.info('between');
    await reporter.phase('two', () => Promise.resolve());
    reporter.member('core-01', 'outside of a phase');
    expect(screen.shown).toEqual([
      'a note',
      'warning: careful',
      'a command',
      '✔ one',
      'between',
      '✔ two',
      '  core-01: outside of a phase',
    ]);
  });

  it('fits any number of members into the rows, those first that matter most', async () => {
    const { screen, reporter } = live({ rows: 8 });
    await reporter.phase('many', () => {
      for (let index = 1; index <= 20; index++) reporter.member(`m${index}`, 'ready', 'done');
      reporter.member('m20', 'no', 'failed');
      reporter.member('m19', 'waiting');
      expect(screen.shown).toHaveLength(7);
      expect(screen.shown.slice(1, 3)).toEqual(['  ✖ m20  no', '    m19  waiting']);
      expect(screen.shown.at(-1)).toBe('  … and 15 more');
      return Promise.resolve();
    });
    expect(screen.shown).toEqual(['✔ many', '  ✖ m20  no']);
  });

  it('shows long notes, line breaks and codes of hosts in one row, and a failure in full at the end', async () => {
    const { screen, reporter } = live({ columns: 40 });
    const note = `etcd said:\n${'x'.repeat(60)}`;
    await reporter.phase('long', () => {
      reporter.member('core-01', `\x1b[2J${note}`);
      expect(screen.shown).toHaveLength(2);
      expect(screen.shown[1]).toMatch(/^ {4}core-01 {3}\[2Jetcd said: x+…$/);
      reporter.member('core-01', note, 'failed');
      return Promise.resolve();
    });
    expect(screen.shown.slice(1).join('')).toContain('x'.repeat(60));
  });

  it('uses colours only where they are wanted', async () => {
    for (const colors of [true, false]) {
      const { screen, reporter } = live({}, colors);
      await reporter.phase('x', () => {
        reporter.warn('careful');
        return Promise.resolve();
      });

      expect(/\x1b\[\d+m/.test(screen.raw)).toBe(colors);
    }
  });

  it('keeps off the terminal while a person is asked, and comes back with what happened meanwhile', async () => {
    const { screen, reporter } = live();
    await reporter.phase('asking', async () => {
      reporter.member('core-01', 'before');
      await inForeground(() => {
        expect(screen.shown).toEqual([]);
        expect(screen.cursorShown).toBe(true);
        screen.write('Really? [y/N] ');
        reporter.member('core-01', 'after');
        expect(screen.shown).toEqual(['Really? [y/N]']);
        screen.write('y\n');
        return Promise.resolve();
      });
      expect(screen.shown).toEqual(['Really? [y/N] y', expect.stringMatching(/^\S asking$/), '    core-01  after']);
    });
    expect(screen.shown).toEqual(['Really? [y/N] y', '✔ asking']);
  });

  it('leaves the terminal to questions after the phase, too', async () => {
    const { screen, reporter } = live();
    await reporter.phase('one', () => Promise.resolve());
    const before = screen.raw;
    await inForeground(() => Promise.resolve());
    expect(screen.raw).toBe(before);
  });
});

describe('ask and confirm', () => {
  /** A terminal without a person; `type` stands for the keys. */
  function terminal(tty = false) {
    const input = new PassThrough();
    const output = new PassThrough();
    if (tty) Object.assign(output, { isTTY: true, columns: 80 });
    let asked = '';
    output.on('data', (chunk: Buffer) => (asked += chunk.toString()));
    return { input, output, asked: () => asked };
  }

  it('gives the line that was typed', async () => {
    const { asked, ...streams } = terminal();
    const answer = ask('Name:', streams);
    streams.input.write('  core \nmore\n');
    expect(await answer).toBe('core');
    expect(asked()).toBe('Name: ');
  });

  it.each([
    ['y', true],
    ['Yes', true],
    ['', false],
    ['yess', false],
    ['n', false],
  ])('takes %j for %p', async (typed, yes) => {
    const streams = terminal();
    const answer = confirm('Really?', streams);
    streams.input.write(`${typed}\n`);
    expect(await answer).toBe(yes);
  });

  it('takes the end of the input for no', async () => {
    const streams = terminal();
    const answer = confirm('Really?', streams);
    streams.input.end();
    expect(await answer).toBe(false);
  });

  it('takes Ctrl-C for an interruption', async () => {
    const streams = terminal(true);
    const answer = confirm('Really?', streams);
    streams.input.write('\x03');
    await expect(answer).rejects.toBeInstanceOf(InterruptedError);
  });

  it('asks one question after the other, also when one is interrupted', async () => {
    const first = terminal(true);
    const second = terminal();
    const one = ask('One?', first);
    const two = ask('Two?', second);
    one.catch(() => expect(second.asked()).toBe(''));
    second.input.write('b\n');
    first.input.write('\x03');
    await expect(one).rejects.toBeInstanceOf(InterruptedError);
    expect(await two).toBe('b');
  });
});

describe('createReporter', () => {
  it('writes plain lines where there is no terminal, or nobody in front of it', async () => {
    const real = Object.getOwnPropertyDescriptor(process.stderr, 'isTTY');
    const { CI, TERM } = process.env;
    const options = { verbose: false, color: true };
    const made = async (tty: boolean, environment: Record<string, string | undefined>): Promise<string> => {
      Object.defineProperty(process.stderr, 'isTTY', { value: tty, configurable: true });
      for (const name of ['CI', 'TERM']) {
        const value = environment[name];
        if (value === undefined) Reflect.deleteProperty(process.env, name);
        else process.env[name] = value;
      }
      return (await createReporter(options)).constructor.name;
    };
    try {
      expect(await made(false, { TERM: 'xterm' })).toBe('PlainReporter');
      expect(await made(true, { TERM: 'xterm' })).toBe('TerminalReporter');
      expect(await made(true, { TERM: 'dumb' })).toBe('PlainReporter');
      expect(await made(true, { TERM: 'xterm', CI: 'true' })).toBe('PlainReporter');
      expect(await made(true, { TERM: 'xterm', CI: 'false' })).toBe('TerminalReporter');
    } finally {
      if (real) Object.defineProperty(process.stderr, 'isTTY', real);
      else Reflect.deleteProperty(process.stderr, 'isTTY');
      Object.assign(process.env, CI === undefined ? {} : { CI }, TERM === undefined ? {} : { TERM });
    }
  });
});
