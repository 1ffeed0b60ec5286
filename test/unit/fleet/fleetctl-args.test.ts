import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { filesToTake } from '../../../src/actions/fleetctl-files.js';
import { flagValue, fleetctlWords, readFleetctl, unitNameOf } from '../../../src/fleet/fleetctl-args.js';
import { InputError } from '../../../src/util/errors.js';
import { temporary } from '../plan/support.js';

describe('a fleetctl command line', () => {
  it.each([
    ['start a b.service', { command: 'start', names: ['a', 'b.service'] }],
    ['--request-timeout 9 --debug start --no-block a', { command: 'start', flags: ['--no-block'], names: ['a'] }],
    ['start --block-attempts 3 a', { flags: ['--block-attempts', '3'], names: ['a'] }],
    ['journal --lines=5 -f a', { flags: ['--lines=5', '--follow'], names: ['a'] }],
    ['list-machines -l', { command: 'list-machines', flags: ['--full'] }],
    ['ssh a ls -l', { names: ['a'], rest: ['ls', '-l'] }],
    ['ssh a -- ls', { names: ['a'], rest: ['ls'] }],
    ['ssh --machine m1 -- ls', { flags: ['--machine', 'm1'], names: [], rest: ['ls'] }],
    ['', { command: '', names: [] }],
    ['--version', { command: '', before: ['--version'] }],
  ])('%s', (line, call) => {
    expect(readFleetctl(line === '' ? [] : line.split(' '))).toMatchObject(call);
  });

  it('is the same again, but for flags that fleetctl 1.0 reads no more', () => {
    const again = (line: string): string => fleetctlWords(readFleetctl(line.split(' '))).join(' ');
    expect(again('--debug list-units --fields unit,machine -l')).toBe(
      '--debug list-units --fields unit,machine --full',
    );
    expect(again('submit a@.service b')).toBe('submit a@.service b');
  });

  it('has values of flags in both forms', () => {
    expect([flagValue(['--unit', 'a'], 'unit'), flagValue(['--unit=a=b'], 'unit'), flagValue([], 'unit')]).toEqual([
      'a',
      'a=b',
      undefined,
    ]);
  });

  it('means services where it says no type', () => {
    expect(['a', 'units/a', 'a.timer', 'a@1', 'my.app'].map(unitNameOf)).toEqual([
      'a.service',
      'a.service',
      'a.timer',
      'a@1.service',
      'my.app.service',
    ]);
  });
});

describe('unit files that are taken along', () => {
  const directory = temporary();
  const lay = (...names: string[]): void => {
    for (const name of names) {
      mkdirSync(join(directory, name, '..'), { recursive: true });
      writeFileSync(join(directory, name), name);
    }
  };
  const taken = (command: string, ...words: string[]): string[] =>
    filesToTake(command, words, directory).map(({ content }) => content.toString());

  it('are the file, or else the template beside it', () => {
    lay('a.service', 'u/b.timer', 'u/r@.service', 'u/r@own.service');
    expect(taken('start', 'a', 'u/b.timer', 'u/r@1', 'u/r@2.service', 'u/r@own', 'nowhere')).toEqual([
      'a.service',
      'u/b.timer',
      'u/r@.service',
      'u/r@own.service',
    ]);
  });

  it('are none for commands that read none', () => {
    lay('a.service');
    expect(taken('stop', 'a')).toEqual([]);
  });

  it('cannot be two of one name', () => {
    lay('x/a.service', 'y/a.service');
    expect(() => taken('submit', 'x/a.service', 'y/a.service')).toThrow(InputError);
  });
});
