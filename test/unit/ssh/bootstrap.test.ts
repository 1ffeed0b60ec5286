import { describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { bootstrap } from '../../../src/ssh/bootstrap.js';
import { sudoRefusal } from '../../../src/ssh/sudo.js';

const SHELLS = ['/bin/sh', '/bin/dash', '/bin/bash'].filter((shell) => existsSync(shell));

/** As sshd does it: the login shell gets the command, stdin is a pipe. */
function onShell(shell: string, text: string, cut = Infinity, input = '') {
  const { command, head } = bootstrap({ text });
  const stdin = Buffer.concat([head, Buffer.from(input)]).subarray(0, cut);
  const { status, stdout, stderr } = spawnSync(shell, ['-c', command], { input: stdin, encoding: 'utf8' });
  return { status, stdout, stderr };
}

describe.each(SHELLS)('the bootstrap on %s', (shell) => {
  test('runs the script and leaves the input to it', () => {
    expect(onShell(shell, 'read -r line; echo "$line"; exit 3', Infinity, 'one\ntwo\n')).toMatchObject({
      status: 3,
      stdout: 'one\n',
    });
  });

  test('runs nothing of a script that was cut off, wherever it was', () => {
    const text = 'echo a\necho b\n';
    const { head } = bootstrap({ text });
    for (let cut = 0; cut < head.length; cut++)
      expect(onShell(shell, text, cut)).toMatchObject({ status: 255, stdout: '' });
    expect(onShell(shell, text)).toMatchObject({ status: 0, stdout: 'a\nb\n' });
  });
});

describe('the command line', () => {
  test('holds nothing of the script', () => {
    expect(bootstrap({ text: 'echo secret' }).command).not.toContain('secret');
  });

  test('a NUL in a script is refused', () => {
    expect(() => bootstrap({ text: 'a\0b' })).toThrow(RangeError);
  });
});

describe('sudoRefusal', () => {
  const result = (code: number, stderr: string, stdout = '') => ({
    code,
    signal: null,
    stdout: Buffer.from(stdout),
    stderr: Buffer.from(stderr),
  });

  test.each([
    [1, 'sudo: a password is required\n'],
    [1, 'sudo: unable to resolve host core-01: Name or service not known\nsudo: a password is required\n'],
    [1, 'sudo: a terminal is required to read the password\nsudo: a password is required\n'],
    [1, 'sudo: sorry, you must have a tty to run sudo\n'],
    [1, 'core is not in the sudoers file.\n'],
    [1, 'Sorry, user core is not allowed to execute ‘/usr/bin/sh’ as root on core-01.\n'],
    [127, 'sh: 1: exec: sudo: not found\n'],
    [127, 'bash: line 1: exec: sudo: not found\n'],
    [127, 'bash: line 1: sudo: command not found\n'],
    [127, 'env: ‘sudo’: No such file or directory\n'],
    [1, 'sudo: interactive authentication is required\n'],
  ])('%d %j', (code, stderr) => {
    expect(sudoRefusal(result(code, stderr))).toBeDefined();
  });

  test.each([
    [result(1, 'sudo: unable to resolve host core-01: Name or service not known\n')],
    [result(1, 'sudo: a password is required\n', 'the script had begun')],
    [result(2, 'sudo: a password is required\n')],
    [result(0, '')],
    [result(127, 'sh: 1: etcdctl: not found\n')],
  ])('the script’s own failure is none (%#)', (own) => {
    expect(sudoRefusal(own)).toBeUndefined();
  });
});
