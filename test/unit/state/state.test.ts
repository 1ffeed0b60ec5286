import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { StateDirectory, type State } from '../../../src/state/state.js';
import { temporary } from '../plan/support.js';
import { compile } from './compile.js';

/** Written by earlier versions of coreup, as they left them. */
const RECORDED = 'test/fixtures/state';

const fresh = (): StateDirectory => new StateDirectory(join(temporary(), 'a project', '.coreup'));
const written = (text: string): StateDirectory => {
  const state = fresh();
  mkdirSync(state.path, { recursive: true });
  writeFileSync(state.file('state.json'), text);
  return state;
};

describe('StateDirectory', () => {
  it('remembers nothing at first, and makes nothing by looking', async () => {
    const state = fresh();
    expect(await state.load()).toEqual({ version: 2, rendered: {} });
    expect(() => statSync(state.path)).toThrow('ENOENT');
  });

  it('keeps what it is given, for its owner alone, and nothing beside it', async () => {
    const directory = temporary();
    const state = new StateDirectory(join(directory, '.coreup'));
    const bootstrap = { phase: 'done', members: ['core-01'], clusterId: 'abc' } as const;
    const after = await state.update((before) => ({ ...before, bootstrap }));
    expect(await new StateDirectory(state.path).load()).toEqual(after);
    expect(after).toEqual({ version: 2, rendered: {}, bootstrap });
    expect(statSync(state.path).mode & 0o777).toBe(0o700);
    expect(statSync(state.file('state.json')).mode & 0o777).toBe(0o600);
    expect(readdirSync(state.path)).toEqual(['state.json']);
  });

  it('gives each change the newest state, and does not write what is the same', async () => {
    const state = new StateDirectory(join(temporary(), '.coreup'));
    await state.update((before) => ({ ...before, rendered: { a: ['1'] } }));
    await new StateDirectory(state.path).update((before) => ({
      ...before,
      rendered: { ...before.rendered, b: ['2'] },
    }));
    const { ino } = statSync(state.file('state.json'));
    const after = await state.update((before) => ({ ...before }));
    expect(after.rendered).toEqual({ a: ['1'], b: ['2'] });
    expect(statSync(state.file('state.json')).ino).toBe(ino);
  });

  it('leaves the old file when a change cannot be written', async () => {
    const state = new StateDirectory(join(temporary(), '.coreup'));
    await state.update((before) => ({ ...before, rendered: { a: ['1'] } }));
    const before = readFileSync(state.file('state.json'), 'utf8');
    const circular = { a: ['1'] } as Record<string, unknown>;
    circular['self'] = circular;
    await expect(state.update(() => circular as unknown as State)).rejects.toThrow(/circular/i);
    await expect(
      state.update(() => {
        throw new Error('changed my mind');
      }),
    ).rejects.toThrow('changed my mind');
    expect(readFileSync(state.file('state.json'), 'utf8')).toBe(before);
    expect(readdirSync(state.path)).toEqual(['state.json']);
  });

  it.each([
    ['empty', ''],
    ['cut off', '{"version":1,"rend'],
    ['of no version', '{"rendered":{}}'],
    ['of a version that never was', '{"version":0,"rendered":{}}'],
    ['not an object', '[]'],
    ['nothing', 'null'],
    ['without what was rendered', '{"version":1}'],
    ['with digests that are none', '{"version":1,"rendered":{"user-data-1":"abc"}}'],
    ['with an unknown phase', '{"version":1,"rendered":{},"bootstrap":{"phase":"later","members":[]}}'],
    ['with members that are none', '{"version":1,"rendered":{},"bootstrap":{"phase":"done","members":"core-01"}}'],
  ])('refuses a state file that is %s, says what to do, and leaves it', async (_, text) => {
    const state = written(text);
    await expect(state.load()).rejects.toMatchObject({
      code: 'STATE_UNREADABLE',
      message: expect.stringContaining('state.json'),
      hint: expect.stringContaining('backup'),
    });
    await expect(state.update((before) => before)).rejects.toMatchObject({ code: 'STATE_UNREADABLE' });
    expect(readFileSync(state.file('state.json'), 'utf8')).toBe(text);
  });

  it.each(['v1-founded', 'v1-interrupted', 'v1-discovery'])('reads %s, and writes it in the new form', async (name) => {
    const text = readFileSync(join(RECORDED, `${name}.json`), 'utf8');
    const old = JSON.parse(text) as State;
    expect(old.version).toBe(1);
    const state = written(text);
    expect(await state.load()).toEqual({ ...old, version: 2 });
    // Looking changes nothing.
    expect(readFileSync(state.file('state.json'), 'utf8')).toBe(text);
    await state.update((before) => ({ ...before, versions: { 'core-01': '3.5.16' } }));
    expect(JSON.parse(readFileSync(state.file('state.json'), 'utf8'))).toEqual({
      ...old,
      version: 2,
      versions: { 'core-01': '3.5.16' },
    });
  });

  it('refuses what a newer coreup wrote, and says to update', async () => {
    const text = '{"version":3,"rendered":{}}';
    const state = written(text);
    await expect(state.update((before) => ({ ...before, rendered: { a: ['1'] } }))).rejects.toMatchObject({
      code: 'STATE_NEWER',
      message: expect.stringMatching(/state\.json was written by a newer coreup \(state version 3; .* up to 2\)/),
      hint: expect.stringMatching(/^Update coreup here/),
    });
    expect(readFileSync(state.file('state.json'), 'utf8')).toBe(text);
  });

  it('says why a state file cannot be read', async () => {
    const state = fresh();
    mkdirSync(state.file('state.json'), { recursive: true });
    await expect(state.load()).rejects.toMatchObject({
      code: 'STATE_UNREADABLE',
      message: expect.stringContaining('EISDIR'),
    });
  });

  it('says that a file is where the directory should be (exit code 2)', async () => {
    const directory = temporary();
    writeFileSync(join(directory, '.coreup'), '');
    await expect(new StateDirectory(join(directory, '.coreup')).ensure()).rejects.toMatchObject({
      code: 'STATE_UNWRITABLE',
      exitCode: 2,
      message: expect.stringContaining('.coreup'),
    });
  });

  it('says that a directory is read-only (exit code 2), to a user who is not root', () => {
    const modules = compile(['src/state/state.ts']);
    const directory = temporary();
    chmodSync(directory, 0o555);
    for (const made of [modules, directory]) chmodSync(made, 0o755);
    const script = `process.setgid(65534); process.setuid(65534);
      const { StateDirectory } = await import(${JSON.stringify(join(modules, 'src/state/state.js'))});
      await new StateDirectory(${JSON.stringify(join(directory, '.coreup'))}).ensure().catch((error) => {
        console.log(JSON.stringify({ code: error.code, exitCode: error.exitCode, message: error.message }));
      });`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script]);
    rmSync(modules, { recursive: true });
    expect(stderr.toString()).toBe('');
    expect(JSON.parse(stdout.toString())).toEqual({
      code: 'STATE_UNWRITABLE',
      exitCode: 2,
      message: expect.stringContaining('EACCES'),
    });
  });
});
