import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { HALF_MADE_USER_PATH, MANIFEST_PATH, parseManifest, type Manifest } from '../../../src/plan/manifest.js';
import { GO, parseStepOutput, stepScript, type StepResult } from '../../../src/plan/script.js';
import { step, type Action } from '../../../src/plan/step.js';
import { EMPTY_MANIFEST, file, ORIGIN, runShell, sha256, standIns, temporary, user } from './support.js';

/** Runs the steps on this machine and tells how far they came. */
function perform(
  actions: readonly Action[],
  options: { path?: string; cut?: number; replace?: readonly [string, string] } = {},
): StepResult {
  const { text, input } = stepScript(actions.map((action) => step(action, '', '')));
  const script = options.replace ? text.replaceAll(...options.replace) : text;
  const whole = Buffer.concat(input);
  const { stdout, code } = runShell(script, {
    input: [options.cut === undefined ? whole : whole.subarray(0, options.cut)],
    ...(options.path === undefined ? {} : { path: options.path }),
  });
  expect(code).toBe(0);
  return parseStepOutput(stdout);
}

const write = (...args: Parameters<typeof file>): Action => ({ kind: 'file-write', file: file(...args) });
const mode = (path: string): number => statSync(path).mode & 0o7777;

describe('file-write, run by a real /bin/sh', () => {
  it('makes the file, its parents, its mode and its owner', () => {
    const path = join(temporary(), 'a b', "c'd", 'f');
    expect(perform([write(path, 'hello\n', { mode: 0o640, owner: 'nobody:daemon' })])).toEqual({ done: 1 });
    expect(readFileSync(path, 'utf8')).toBe('hello\n');
    expect(mode(path)).toBe(0o640);
    const { uid, gid } = statSync(path);
    expect([uid, gid]).toEqual([65534, 1]);
    expect(mode(dirname(path))).toBe(0o755);
  });

  it('takes away what an earlier one left half-written', () => {
    const directory = join(temporary(), "it's");
    mkdirSync(directory);
    for (const name of ['.coreup.aBcD1234', '.coreup.conf', '.coreup.longer-than-that']) {
      writeFileSync(join(directory, name), 'half');
    }
    expect(perform([write(join(directory, 'f'), 'x')])).toEqual({ done: 1 });
    expect(readdirSync(directory).sort()).toEqual(['.coreup.conf', '.coreup.longer-than-that', 'f']);
  });

  it('keeps the setuid bit of a file that belongs to somebody', () => {
    const path = join(temporary(), 'f');
    perform([write(path, '#!/bin/sh\n', { mode: 0o4755, owner: 'nobody' })]);
    expect(mode(path)).toBe(0o4755);
  });

  it('takes numbers for owners', () => {
    const path = join(temporary(), 'f');
    expect(perform([write(path, '', { owner: '4321:8765' })])).toEqual({ done: 1 });
    const { uid, gid } = statSync(path);
    expect([uid, gid]).toEqual([4321, 8765]);
  });

  it('replaces a link and leaves alone what it led to', () => {
    const directory = temporary();
    const target = join(directory, 'target');
    writeFileSync(target, 'mine');
    const path = join(directory, 'f');
    symlinkSync(target, path);
    perform([write(path, 'new')]);
    expect(lstatSync(path).isSymbolicLink()).toBe(false);
    expect(readFileSync(target, 'utf8')).toBe('mine');
    expect(readFileSync(path, 'utf8')).toBe('new');
  });

  it('refuses to replace a directory, and leaves nothing behind', () => {
    const directory = temporary();
    const path = join(directory, 'f');
    mkdirSync(path);
    const { done, failure } = perform([write(path, 'new')]);
    expect(done).toBe(0);
    expect(failure?.output).toMatch(/cannot overwrite directory/);
    expect(readdirSync(directory)).toEqual(['f']);
  });

  it('says who it is that does not exist', () => {
    const directory = temporary();
    const { failure } = perform([write(join(directory, 'f'), '', { owner: 'no-such-user' })]);
    expect(failure?.output).toMatch(/invalid user.*no-such-user/);
    expect(readdirSync(directory)).toEqual([]);
  });

  it.each([0, 1, 1000, 1001, 1002])('leaves the old file and no other when only %i bytes come', (cut) => {
    const directory = temporary();
    const path = join(directory, 'f');
    writeFileSync(path, 'old');
    const { done, failure } = perform([write(path, 'x'.repeat(1001))], { cut });
    expect(done).toBe(0);
    expect(failure?.output).toBe('the input ends too early: was the connection cut?');
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(readdirSync(directory)).toEqual(['f']);
  });

  it('writes through nothing that stands where it begins a file', () => {
    const directory = temporary();
    const victim = join(temporary(), 'victim');
    const { text, input } = stepScript([step(write(join(directory, 'f'), 'x'), '', '')]);
    const [, name = ''] = /^coreup_name=(\S{8})$/m.exec(text) ?? [];
    symlinkSync(victim, join(directory, `.coreup.${name}`));
    expect(parseStepOutput(runShell(text, { input }).stdout)).toMatchObject({ done: 0 });
    expect(existsSync(victim)).toBe(false);
  });

  it('carries any bytes, and files of nothing, beside each other', () => {
    const directory = temporary();
    const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const contents = [all, Buffer.alloc(0), Buffer.from('\0\0\n\n'), randomBytes(70_000), Buffer.from('no newline')];
    const paths = contents.map((_, index) => join(directory, `f${index}`));
    const done = perform(contents.map((content, index) => write(paths[index] ?? '', content)));
    expect(done).toEqual({ done: contents.length });
    expect(paths.map((path) => readFileSync(path))).toEqual(contents);
  });

  it('carries 10 MB, and what comes after them', () => {
    const directory = temporary();
    const big = randomBytes(10_000_000);
    const done = perform([write(join(directory, 'big'), big), write(join(directory, 'small'), 'after')]);
    expect(done).toEqual({ done: 2 });
    expect(sha256(readFileSync(join(directory, 'big')))).toBe(sha256(big));
    expect(readFileSync(join(directory, 'small'), 'utf8')).toBe('after');
  });
});

describe('a run of several steps', () => {
  it('goes on with a step that waits once it is told to, and with what comes after it', () => {
    const directory = temporary();
    const steps = ['a', 'b', 'c'].map((name) => step(write(join(directory, name), name), name, ''));
    const { text, input, rest } = stepScript(steps, steps[1]);
    const run = (given: readonly Uint8Array[]) => parseStepOutput(runShell(text, { input: given }).stdout);
    expect(run(input)).toEqual({ done: 1 });
    expect(readdirSync(directory)).toEqual(['a']);
    expect(run([...input, GO, ...rest])).toEqual({ done: 3 });
    expect(['a', 'b', 'c'].map((name) => readFileSync(join(directory, name), 'utf8'))).toEqual(['a', 'b', 'c']);
  });

  it('stops at the first that fails, tells what it said, and does none of the later ones', () => {
    const directory = temporary();
    const path = (name: string): string => join(directory, name);
    mkdirSync(path('taken'));
    const { done, failure } = perform([write(path('a')), write(path('taken')), write(path('b')), write(path('c'))]);
    expect(done).toBe(1);
    expect(failure?.code).toBe(1);
    expect(failure?.output).toContain('taken');
    expect(readdirSync(directory).sort()).toEqual(['a', 'taken']);
  });

  it('is read from an output that is cut off anywhere as what is certain', () => {
    const output = 'some text\x1e0 0\n\x1e1 0\nwhy it\nfailed\x1e2 7\n';
    const whole = { done: 2, failure: { code: 7, output: 'why it\nfailed' } };
    expect(parseStepOutput(output)).toEqual(whole);
    for (let end = 0; end < output.length; end++) {
      const { done, failure } = parseStepOutput(output.slice(0, end));
      expect(failure).toBeUndefined();
      expect(done).toBe(end < 14 ? 0 : end < 19 ? 1 : 2);
    }
  });

  it('of no steps does nothing', () => {
    expect(perform([])).toEqual({ done: 0 });
  });
});

describe('directory', () => {
  const action = (path: string): Action => ({
    kind: 'directory',
    directory: { path, mode: 0o700, owner: 'nobody:nogroup', origin: ORIGIN },
  });

  it('is made, or given its owner and mode; what is in it stays', () => {
    const path = join(temporary(), 'with space', 'data');
    perform([action(path)]);
    expect([mode(path), statSync(path).uid]).toEqual([0o700, 65534]);
    writeFileSync(join(path, 'f'), 'mine');
    chmodSync(path, 0o777);
    chownSync(path, 0, 0);
    perform([action(path)]);
    expect([mode(path), statSync(path).uid]).toEqual([0o700, 65534]);
    expect(readFileSync(join(path, 'f'), 'utf8')).toBe('mine');
  });

  it('is not made where a file is', () => {
    const path = join(temporary(), 'f');
    writeFileSync(path, 'mine');
    expect(perform([action(path)]).failure?.output).toMatch(/File exists/);
    expect(readFileSync(path, 'utf8')).toBe('mine');
  });
});

describe('file-edit', () => {
  const edit = (path: string, present: string | null): Action => ({
    kind: 'file-edit',
    file: file(path, 'new\n', { mode: 0o600, owner: '65534:1' }),
    present: present === null ? null : sha256(present),
  });

  it('writes over the content that was looked at, or where nothing was', () => {
    const directory = temporary();
    writeFileSync(join(directory, 'old'), 'seen');
    expect(perform([edit(join(directory, 'old'), 'seen'), edit(join(directory, 'a', 'new'), null)])).toEqual({
      done: 2,
    });
    for (const name of ['old', 'a/new']) {
      expect(readFileSync(join(directory, name), 'utf8')).toBe('new\n');
      expect(mode(join(directory, name))).toBe(0o600);
    }
  });

  it.each(['seen', null])('refuses a file that has changed meanwhile (%s)', (present) => {
    const path = join(temporary(), 'f');
    writeFileSync(path, 'other');
    expect(perform([edit(path, present)]).failure?.output).toMatch(/has changed since it was looked at/);
    expect(readFileSync(path, 'utf8')).toBe('other');
  });
});

describe('directory-remove', () => {
  it('takes an empty directory away, and no other', () => {
    const directory = temporary();
    mkdirSync(join(directory, 'empty'));
    mkdirSync(join(directory, 'full', 'x'), { recursive: true });
    const actions = ['empty', 'full', 'none'].map((name): Action => ({
      kind: 'directory-remove',
      path: join(directory, name),
    }));
    expect(perform(actions)).toEqual({ done: 3 });
    expect(readdirSync(directory)).toEqual(['full']);
  });
});

describe('file-remove', () => {
  const remove = (path: string, ...contents: string[]): Action => ({
    kind: 'file-remove',
    path,
    sha256: contents.map(sha256),
  });

  it('takes a file away that is as coreup wrote it', () => {
    const path = join(temporary(), "it's a file");
    writeFileSync(path, 'ours');
    expect(perform([remove(path, 'ours')])).toEqual({ done: 1 });
    expect(existsSync(path)).toBe(false);
  });

  it('knows each of several contents that an interrupted apply may have left', () => {
    for (const content of ['before', 'after']) {
      const path = join(temporary(), 'f');
      writeFileSync(path, content);
      perform([remove(path, 'before', 'after')]);
      expect(existsSync(path)).toBe(false);
    }
  });

  it('brings back what was there before coreup, with mode and owner, even a link', () => {
    const directory = temporary();
    const [path, link] = [join(directory, 'f'), join(directory, 'l')];
    writeFileSync(path, 'before');
    chmodSync(path, 0o640);
    chownSync(path, 65534, 1);
    symlinkSync('/nowhere', link);
    const replace = ['/var/lib/coreup', join(directory, 'kept')] as const;
    const keep = [path, link].map((at): Action => ({ kind: 'file-write', file: file(at, 'ours'), keep: true }));
    expect(perform([...keep, ...keep], { replace })).toEqual({ done: 4 });
    expect(lstatSync(link).isFile()).toBe(true);
    expect(mode(join(directory, 'kept', 'originals'))).toBe(0o700);
    const back = [path, link].map((at): Action => ({ ...remove(at, 'ours'), restore: true }) as Action);
    expect(perform(back, { replace })).toEqual({ done: 2 });
    expect(readFileSync(path, 'utf8')).toBe('before');
    expect([mode(path), statSync(path).uid, statSync(path).gid]).toEqual([0o640, 65534, 1]);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readdirSync(join(directory, 'kept', 'originals'))).toEqual([]);
    expect(readdirSync(directory).sort()).toEqual(['f', 'kept', 'l']);
  });

  it('leaves a link alone that leads to what coreup wrote', () => {
    const directory = temporary();
    writeFileSync(join(directory, 'f'), 'ours');
    symlinkSync(join(directory, 'f'), join(directory, 'l'));
    expect(perform([remove(join(directory, 'l'), 'ours')])).toEqual({ done: 1 });
    expect(readdirSync(directory)).toEqual(['f', 'l']);
  });

  it('leaves a file alone that somebody has changed since, and a directory in its place', () => {
    const directory = temporary();
    const path = join(directory, 'f');
    writeFileSync(path, 'changed');
    mkdirSync(join(directory, 'd'));
    expect(perform([remove(path, 'ours'), remove(join(directory, 'd'), 'ours')])).toEqual({ done: 2 });
    expect(readFileSync(path, 'utf8')).toBe('changed');
    expect(existsSync(join(directory, 'd'))).toBe(true);
  });

  it('is content where the file, or even its directory, is gone already', () => {
    const path = join(temporary(), 'systemd/system/a.service.d/f');
    expect(perform([remove(path, 'ours')])).toEqual({ done: 1 });
  });

  it('takes the directory of a drop-in away with the last one, and no other directory', () => {
    const directory = temporary();
    const dropIns = join(directory, 'systemd/system/a.service.d');
    mkdirSync(dropIns, { recursive: true });
    writeFileSync(join(dropIns, '1.conf'), 'ours');
    writeFileSync(join(dropIns, '2.conf'), 'ours');
    perform([remove(join(dropIns, '1.conf'), 'ours')]);
    expect(readdirSync(dropIns)).toEqual(['2.conf']);
    perform([remove(join(dropIns, '2.conf'), 'ours')]);
    expect(existsSync(dropIns)).toBe(false);

    const other = join(directory, 'srv');
    mkdirSync(other);
    writeFileSync(join(other, 'f'), 'ours');
    perform([remove(join(other, 'f'), 'ours')]);
    expect(existsSync(other)).toBe(true);
  });
});

describe('authorized-keys, with stand-ins for getent and id', () => {
  function home(): { directory: string; keys: string; path: string } {
    const directory = join(temporary(), 'home of core');
    mkdirSync(directory);
    const path = standIns({
      getent: `[ "$*" = 'passwd -- nobody' ] && echo 'nobody:x:65534:65534::${directory}:/bin/sh'`,
    });
    return { directory, keys: join(directory, '.ssh/authorized_keys'), path };
  }
  const add = (...keys: string[]): Action => ({ kind: 'authorized-keys', user: 'nobody', add: keys, remove: [] });

  it('takes keys away, whole lines only, and leaves all others', () => {
    const { keys, path } = home();
    mkdirSync(dirname(keys));
    writeFileSync(keys, '# mine\nssh-rsa A\nssh-rsa AB\nssh-rsa A.\nssh-rsa B');
    const swap: Action = { kind: 'authorized-keys', user: 'nobody', add: ['ssh-rsa C'], remove: ['ssh-rsa A', 'x'] };
    expect(perform([swap], { path })).toEqual({ done: 1 });
    expect(readFileSync(keys, 'utf8')).toBe('# mine\nssh-rsa AB\nssh-rsa A.\nssh-rsa B\nssh-rsa C\n');
    const last: Action = { kind: 'authorized-keys', user: 'nobody', add: [], remove: ['ssh-rsa C', 'ssh-rsa B'] };
    expect(perform([last], { path })).toEqual({ done: 1 });
    expect(readFileSync(keys, 'utf8')).toBe('# mine\nssh-rsa AB\nssh-rsa A.\n');
  });

  it('makes the directory and the file for the user alone', () => {
    const { keys, path } = home();
    expect(perform([add('ssh-rsa A', 'ssh-rsa B')], { path })).toEqual({ done: 1 });
    expect(readFileSync(keys, 'utf8')).toBe('ssh-rsa A\nssh-rsa B\n');
    expect([mode(keys), mode(dirname(keys))]).toEqual([0o600, 0o700]);
    expect([statSync(keys).uid, statSync(dirname(keys)).uid]).toEqual([65534, 65534]);
  });

  it.each([
    ['with a newline at its end', 'ssh-rsa OLD\n', 'ssh-rsa OLD\nssh-rsa NEW\n'],
    ['without one', 'ssh-rsa OLD', 'ssh-rsa OLD\nssh-rsa NEW\n'],
    ['with nothing in it', '', 'ssh-rsa NEW\n'],
    ['with blank lines', '\n\n', '\n\nssh-rsa NEW\n'],
  ])('appends to a file %s', (_, before, after) => {
    const { keys, path } = home();
    mkdirSync(dirname(keys));
    writeFileSync(keys, before);
    perform([add('ssh-rsa NEW')], { path });
    expect(readFileSync(keys, 'utf8')).toBe(after);
    expect(readdirSync(dirname(keys))).toEqual(['authorized_keys']);
  });

  it('takes a key for what it is, whatever is in its comment', () => {
    const { keys, path } = home();
    const key = `ssh-rsa A it's "a" $(touch x) \\n %s é *`;
    perform([add(key)], { path });
    expect(readFileSync(keys, 'utf8')).toBe(`${key}\n`);
  });

  it('never leaves half a key', () => {
    const { directory, keys, path } = home();
    mkdirSync(dirname(keys));
    writeFileSync(keys, 'ssh-rsa OLD\n');
    const { failure } = perform([add('ssh-rsa NEW', 'ssh-rsa OTHER')], { path, cut: 15 });
    expect(failure?.output).toMatch(/too early/);
    expect(readFileSync(keys, 'utf8')).toBe('ssh-rsa OLD\n');
    expect(readdirSync(join(directory, '.ssh'))).toEqual(['authorized_keys']);
  });

  it('fails for a user who does not exist', () => {
    const { path } = home();
    const action: Action = { kind: 'authorized-keys', user: 'ghost', add: ['k'], remove: [] };
    expect(perform([action], { path }).failure?.code).toBe(1);
  });
});

describe('users, with stand-ins for useradd and chpasswd that write down what they get', () => {
  const marked = (mark: string) => ({ replace: [HALF_MADE_USER_PATH, mark] as const });

  it('creates a user with the flags of coreos-cloudinit', () => {
    const log = join(temporary(), 'log');
    const path = standIns({ useradd: `printf '<%s>' "$@" >>'${log}'` });
    const whole: Action = {
      kind: 'user-create',
      user: {
        name: 'elroy',
        gecos: "El'roy Jetson",
        homeDir: '/home/el roy',
        noCreateHome: true,
        primaryGroup: 'wheel',
        groups: ['sudo', 'docker'],
        noUserGroup: true,
        system: true,
        noLogInit: true,
        shell: '/bin/bash',
        origin: ORIGIN,
      },
    };
    const mark = join(temporary(), 'lib', 'mark');
    expect(perform([whole], { path, ...marked(mark) })).toEqual({ done: 1 });
    expect(existsSync(mark)).toBe(false);
    expect(readFileSync(log, 'utf8')).toBe(
      `<--password><*><--comment><El'roy Jetson><--home-dir></home/el roy><--no-create-home><--gid><wheel>` +
        '<--groups><sudo,docker><--no-user-group><--system><--no-log-init><--shell></bin/bash><--><elroy>',
    );
  });

  it('sets a hash, and none at all when it does not come whole', () => {
    const log = join(temporary(), 'log');
    const path = standIns({ chpasswd: `echo "$*" >>'${log}'; cat >>'${log}'` });
    const action: Action = { kind: 'user-password', name: 'core', hash: '$6$s$h/h.h' };
    expect(perform([action], { path })).toEqual({ done: 1 });
    expect(readFileSync(log, 'utf8')).toBe('-e\ncore:$6$s$h/h.h\n');
    expect(perform([action], { path, cut: 9 }).failure?.output).toMatch(/too early/);
    expect(readFileSync(log, 'utf8')).toBe('-e\ncore:$6$s$h/h.h\n');
  });

  it('tells what useradd says', () => {
    const path = standIns({ useradd: `echo "useradd: group 'x' does not exist" >&2; exit 6` });
    const mark = join(temporary(), 'mark');
    const a = user('a', { homeDir: '/nonexistent', groups: ['x'] });
    expect(perform([{ kind: 'user-create', user: a }], { path, ...marked(mark) }).failure).toEqual({
      code: 6,
      output: "useradd: group 'x' does not exist",
    });
    expect(existsSync(mark)).toBe(false);
  });

  it.each([
    ['with the home that was made with it', '', 'userdel ann\ngroupdel ann\n', false],
    ['but no home or group that was there before', 'ann:x:9:\n', 'usermod ann\nuserdel ann\n', true],
  ])('takes away what a power loss has left half-made, %s, and begins anew', (_, group, removed, stays) => {
    const directory = temporary();
    const [mark, log, home] = ['mark', 'log', "ann's home"].map((name) => join(directory, name)) as [
      string,
      string,
      string,
    ];
    const says = (name: string) => `for last; do :; done; echo "${name} $last" >>'${log}'`;
    const path = standIns({
      getent: `[ "$1:$3" = passwd:ann ] || [ "$1:$3" = group:ann ]`,
      ...Object.fromEntries(['useradd', 'userdel', 'usermod', 'groupdel'].map((name) => [name, says(name)])),
    });
    mkdirSync(home);
    writeFileSync(mark, `ann\n${stays ? '' : home}\n${group}`);
    const bob = user('bob', { homeDir: '/nonexistent' });
    expect(perform([{ kind: 'user-create', user: bob }], { path, ...marked(mark) })).toEqual({ done: 1 });
    expect(readFileSync(log, 'utf8')).toBe(`${removed}useradd bob\n`);
    expect([existsSync(home), existsSync(mark)]).toEqual([stays, false]);
  });
});

describe('units, with a stand-in for systemctl that writes down what it gets', () => {
  function systemctl(body = ''): { path: string; log: () => string[] } {
    const log = join(temporary(), 'log');
    writeFileSync(log, '');
    return {
      path: standIns({ systemctl: `printf '%s\\n' "$*" >>'${log}'\n${body}` }),
      log: () => readFileSync(log, 'utf8').split('\n').slice(0, -1),
    };
  }
  const unitCommand = (verb: 'start' | 'stop' | 'restart' | 'reload', wait: boolean): Action => ({
    kind: 'unit-command',
    unit: 'a.service',
    verb,
    wait,
  });

  it('reloads, enables, unmasks and commands, with and without waiting', () => {
    const { path, log } = systemctl();
    const actions: Action[] = [
      { kind: 'unit-unmask', unit: 'a.service' },
      { kind: 'unit-enable', unit: 'a.service' },
      { kind: 'unit-unmask', unit: 'a.service', runtime: true },
      { kind: 'unit-reenable', unit: 'a.service' },
      { kind: 'unit-disable', unit: 'b.service' },
      { kind: 'unit-retire', unit: 'a@*.service' },
      { kind: 'daemon-reload' },
      unitCommand('start', false),
      unitCommand('restart', true),
      unitCommand('stop', true),
      unitCommand('reload', true),
    ];
    expect(perform(actions, { path })).toEqual({ done: actions.length });
    expect(log()).toEqual([
      '--no-reload unmask -- a.service',
      '--no-reload enable -- a.service',
      '--no-reload --runtime unmask -- a.service',
      '--no-reload reenable -- a.service',
      '--no-reload disable -- b.service',
      'stop -- a@*.service',
      'reset-failed -- a@*.service',
      'daemon-reload',
      'start --no-block -- a.service',
      'reset-failed -- a.service',
      'restart -- a.service',
      'stop -- a.service',
      'reload -- a.service',
    ]);
  });

  it('starts a unit although there is no failure to reset', () => {
    const { path } = systemctl('case $1 in reset-failed) echo "Unit not loaded" >&2; exit 1;; esac');
    expect(perform([unitCommand('start', true)], { path })).toEqual({ done: 1 });
  });

  it('tells what systemctl says', () => {
    const { path } = systemctl('case $1 in start) echo "Job for a.service failed." >&2; exit 1;; esac');
    expect(perform([unitCommand('start', true)], { path }).failure?.output).toBe('Job for a.service failed.');
  });

  it.each([
    'Failed to disable unit: Unit file b.service does not exist',
    'Failed to disable unit, unit b.service does not exist.',
  ])('takes a unit that is gone for disabled (%s)', (said) => {
    const { path } = systemctl(`echo '${said}' >&2; exit 1`);
    expect(perform([{ kind: 'unit-disable', unit: 'b.service' }], { path })).toEqual({ done: 1 });
  });

  it('does not take another failure to disable for success', () => {
    const { path } = systemctl("echo 'Access denied' >&2; exit 1");
    expect(perform([{ kind: 'unit-disable', unit: 'b.service' }], { path }).failure?.output).toBe('Access denied');
  });

  it('masks over a unit file (below a temporary directory instead of /etc/systemd)', () => {
    const directory = temporary();
    const own = join(directory, 'system', 'a.service');
    mkdirSync(dirname(own));
    writeFileSync(own, '[Service]\n');
    const replace = ['/etc/systemd', directory] as const;
    expect(perform([{ kind: 'unit-mask', unit: 'a.service' }], { replace })).toEqual({ done: 1 });
    expect(lstatSync(own).isSymbolicLink()).toBe(true);
    expect(statSync(own).isCharacterDevice()).toBe(true);
  });
});

describe('record and hostname (below a temporary directory instead of / )', () => {
  it('keeps the manifest for root alone', () => {
    const path = join(temporary(), 'var', 'manifest.json');
    const manifest: Manifest = {
      ...EMPTY_MANIFEST,
      files: { '/b': '2', '/a': '1' },
      keys: { core: ['ssh-rsa A'] },
      edits: { '/etc/environment': { made: true, lines: { A: { line: 'A=1', was: null } } } },
    };
    expect(perform([{ kind: 'record', manifest }], { replace: [MANIFEST_PATH, path] })).toEqual({ done: 1 });
    expect(parseManifest(readFileSync(path, 'utf8'))).toEqual(manifest);
    expect(mode(path)).toBe(0o600);
  });

  it('names the host now and after a reboot', () => {
    const directory = temporary();
    const path = standIns({ hostname: `echo "$*" >'${directory}/called'` });
    const replace = ['/etc/hostname', join(directory, 'hostname')] as const;
    expect(perform([{ kind: 'hostname', name: 'core-01' }], { path, replace })).toEqual({ done: 1 });
    expect(readFileSync(join(directory, 'hostname'), 'utf8')).toBe('core-01\n');
    expect(readFileSync(join(directory, 'called'), 'utf8')).toBe('-- core-01\n');
  });
});
