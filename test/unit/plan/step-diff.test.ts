import { describe, expect, it } from '@jest/globals';
import type { HostFile } from '../../../src/cluster/host-state.js';
import type { Observation } from '../../../src/plan/observation.js';
import { filesToRead, MOST_SHOWN, parseFiles, readScript } from '../../../src/plan/read-files.js';
import { stepDiff } from '../../../src/plan/step-diff.js';
import { allSteps, step, type Action } from '../../../src/plan/step.js';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EMPTY_HOST, file, runShell, seenFile, seenPath, temporary } from './support.js';

const PATH = '/etc/app.conf';

function diffOf(action: Action, there?: HostFile, read = true): string | undefined {
  const observed: Observation = there ? { ...EMPTY_HOST, paths: new Map([[there.path, seenFile(there)]]) } : EMPTY_HOST;
  const contents = new Map(there && read ? [[there.path, there.content]] : []);
  return stepDiff(step(action, PATH, 'test'), observed, contents);
}

const write = (wanted: HostFile): Action => ({ kind: 'file-write', file: wanted });

describe('stepDiff', () => {
  it('shows what changes in a file', () => {
    expect(diffOf(write(file(PATH, 'a\nc\n')), file(PATH, 'a\nb\n'))).toBe(
      `--- ${PATH}\n+++ ${PATH}\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n`,
    );
  });

  it('shows a new file, and one that goes', () => {
    expect(diffOf(write(file(PATH, 'a\n')))).toBe(`--- /dev/null\n+++ ${PATH}\n@@ -0,0 +1 @@\n+a\n`);
    const remove: Action = { kind: 'file-remove', path: PATH, sha256: [] };
    expect(diffOf(remove, file(PATH, 'a\n'))).toBe(`--- ${PATH}\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n`);
  });

  it('says nothing where only the mode changes', () => {
    expect(diffOf(write(file(PATH, 'a\n', { mode: 0o755 })), file(PATH, 'a\n'))).toBeUndefined();
  });

  it.each<[string, HostFile, HostFile | undefined, RegExp]>([
    [
      'a secret',
      file(PATH, 'geheim', { secret: true }),
      file(PATH, 'geheimer'),
      /\(hidden\) 6 bytes, since it is a secret/,
    ],
    ['what others may not read', file(PATH, 'geheim', { mode: 0o600 }), undefined, /since the mode is 0600/],
    [
      'what others could not read before',
      file(PATH, 'neu'),
      file(PATH, 'geheim', { mode: 0o640 }),
      /since the mode is 0640/,
    ],
    ['a private key', file(PATH, '-----BEGIN PRIVATE KEY-----\ngeheim'), undefined, /private key in it/],
    ['bytes that are no text', file(PATH, Buffer.from([0, 1, 2])), undefined, /\(binary, 3 bytes\)/],
    ['what is long', file(PATH, 'geheim'.repeat(MOST_SHOWN)), undefined, /\(long, 393 kB\)/],
  ])('hides %s', (_, wanted, there, told) => {
    const diff = diffOf(write(wanted), there) ?? '';
    expect(diff).toMatch(told);
    expect(diff).not.toContain('geheim');
  });

  it('hides a file of the host that was not read', () => {
    expect(diffOf(write(file(PATH, 'a\n')), file(PATH, 'b\n'), false)).toMatch(/\(long, 2 bytes\)/);
  });

  it('hides secrets line by line, on both sides', () => {
    const diff = diffOf(write(file(PATH, 'A_PASSWORD=geheim2\n')), file(PATH, 'A_PASSWORD=geheim1\n'));
    expect(diff).toContain('-A_PASSWORD=(hidden)\n+A_PASSWORD=(hidden)\n');
  });

  it('shows of keys their ends, of a password nothing', () => {
    const key = `ssh-ed25519 ${'A'.repeat(68)} me@home`;
    const keys: Action = { kind: 'authorized-keys', user: 'core', add: [key], remove: [] };
    expect(diffOf(keys)).toBe('+ssh-ed25519 AAAAAAAAAAAA…AAAAAAAAAAAA me@home\n');
    expect(diffOf({ kind: 'user-password', name: 'core', hash: '$6$x$y' })).toBeUndefined();
  });
});

describe('the files that are read', () => {
  const plan = (action: Action) => ({ apply: [step(action, PATH, 'test')], finish: [] });
  const seen = (there: HostFile): Observation => ({ ...EMPTY_HOST, paths: new Map([[PATH, seenFile(there)]]) });

  it.each<[string, Action, Observation, string[]]>([
    ['one that differs', write(file(PATH, 'a')), seen(file(PATH, 'b')), [PATH]],
    ['not one that is not there', write(file(PATH, 'a')), EMPTY_HOST, []],
    ['not one of which only the mode differs', write(file(PATH, 'a', { mode: 0o755 })), seen(file(PATH, 'a')), []],
    ['not a secret', write(file(PATH, 'a', { secret: true })), seen(file(PATH, 'b')), []],
    ['not a link', write(file(PATH, 'a')), { ...EMPTY_HOST, paths: new Map([[PATH, seenPath({ type: 'link' })]]) }, []],
    ['one that goes', { kind: 'file-remove', path: PATH, sha256: [] }, seen(file(PATH, 'b')), [PATH]],
  ])('%s', (_, action, observed, expected) => {
    expect(filesToRead(allSteps(plan(action)), observed)).toEqual(expected);
  });

  it('come through a real shell byte for byte, unless they are too large or gone', () => {
    const directory = temporary();
    const bytes = Buffer.from([0, 10, 30, 255, 39]);
    const [odd, empty, large] = ["it's $(odd)", 'empty', 'large'].map((name) => join(directory, name));
    writeFileSync(odd ?? '', bytes);
    writeFileSync(empty ?? '', '');
    writeFileSync(large ?? '', Buffer.alloc(MOST_SHOWN + 1));
    const paths = [large, odd, join(directory, 'gone'), empty].map((path) => path ?? '');
    const read = parseFiles(paths, runShell(readScript(paths)).stdout);
    expect(read).toEqual(
      new Map([
        [odd, bytes],
        [empty, Buffer.alloc(0)],
      ]),
    );
  });
});
