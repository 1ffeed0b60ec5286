import { describe, expect, it } from '@jest/globals';
import { execa } from 'execa';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { candidates, flagsApart, SCRIPTS, type Completable } from '../../../src/cli/completion.js';

const value = { type: 'option' };
const COMMANDS: readonly Completable[] = [
  { id: 'ssh', flags: { config: value }, args: { name: {} } },
  { id: 'ssh-config', flags: {}, args: {} },
  { id: 'halt', flags: { color: { type: 'boolean', allowNo: true } }, args: {} },
  { id: 'exec', flags: { on: value }, args: {} },
  { id: 'convert', flags: { to: { ...value, char: 't', options: ['static'] } }, args: {} },
  { id: 'image', flags: { package: { ...value, char: 'p' } }, args: { suite: { options: ['bookworm', 'trixie'] } } },
  { id: 'certs', flags: {}, args: {} },
  { id: 'certs:renew', flags: { yes: { type: 'boolean' } }, args: {} },
  { id: 'token:show', flags: {}, args: {} },
  { id: 'token:new', flags: {}, args: {} },
  { id: 'secret', hidden: true, flags: {}, args: {} },
];

describe('candidates', () => {
  it.each([
    ['', ['certs', 'convert', 'exec', 'halt', 'image', 'ssh', 'ssh-config', 'token']],
    ['ss', ['ssh', 'ssh-config']],
    ['token ', ['new', 'show']],
    ['token s', ['show']],
    ['ssh ', ['core-01', 'core-02']],
    ['ssh --config other.ts ', ['core-01', 'core-02']],
    ['ssh --config=other.ts ', ['core-01', 'core-02']],
    ['ssh --config = other.ts ', ['core-01', 'core-02']],
    ['ssh --config ', []],
    ['ssh core-01 ', []],
    ['ssh core-01 -- ', []],
    ['ssh-config c', ['core-01', 'core-02']],
    ['halt core-02 ', ['core-01']],
    ['halt --', ['--color', '--no-color']],
    ['exec --on ', ['core-01', 'core-02']],
    ['exec --on core-01 --on core-02', ['core-02']],
    ['convert -t ', ['static']],
    ['image t', ['trixie']],
    ['image -p curl b', ['bookworm']],
    ['certs ', ['renew']],
    ['certs renew core-01 ', ['core-02']],
    ['nonsense ', []],
  ])('for %j are %j', (line, found) => {
    expect(candidates(flagsApart(line.split(' ')), COMMANDS, () => ['core-01', 'core-02'])).toEqual(found);
  });
});

describe('the script for bash, in a real bash with a stand-in for the program', () => {
  it('hands the words on and takes the answers', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'coreup-completion-'));
    try {
      await writeFile(join(directory, 'coreup'), '#!/bin/sh\nprintf "<%s>\\n" "$@"\n');
      await chmod(join(directory, 'coreup'), 0o755);
      const press = `${SCRIPTS.bash}\nCOMP_WORDS=(coreup ssh '')\nCOMP_CWORD=2\n_coreup\nprintf '%s\\n' "\${COMPREPLY[@]}"\n`;
      const { stdout } = await execa('bash', ['-c', press], { env: { PATH: `${directory}:${process.env['PATH']}` } });
      expect(stdout.split('\n')).toEqual(['<completion>', '<--words>', '<-->', '<ssh>', '<>']);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});
