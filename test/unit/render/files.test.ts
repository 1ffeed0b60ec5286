import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { removeRendered, writeRendered, type RenderedFile } from '../../../src/render/files.js';
import { StateDirectory } from '../../../src/state/state.js';
import { compile } from '../state/compile.js';
import { sha256, temporary } from '../plan/support.js';

const files = (count: number, text = 'v1'): RenderedFile[] =>
  Array.from({ length: count }, (_, index) => ({ fileName: `user-data-${index + 1}`, text: `${text} ${index + 1}\n` }));

function project(): { directory: string; state: StateDirectory; has: () => string[]; read: (name: string) => string } {
  const directory = temporary();
  return {
    directory,
    state: new StateDirectory(join(directory, '.coreup')),
    has: () => readdirSync(directory).filter((name) => name !== '.coreup'),
    read: (name) => readFileSync(join(directory, name), 'utf8'),
  };
}

describe('writeRendered', () => {
  it('writes the files for their owner alone, and nothing on the second time', async () => {
    const { directory, state, has, read } = project();
    expect(await writeRendered(directory, files(3), state)).toEqual({
      written: ['user-data-1', 'user-data-2', 'user-data-3'],
      removed: [],
    });
    expect(has()).toEqual(['user-data-1', 'user-data-2', 'user-data-3']);
    expect(read('user-data-2')).toBe('v1 2\n');
    expect(statSync(join(directory, 'user-data-2')).mode & 0o777).toBe(0o600);
    const { ino } = statSync(join(directory, 'user-data-2'));
    expect(await writeRendered(directory, files(3), state)).toEqual({ written: [], removed: [] });
    expect(statSync(join(directory, 'user-data-2')).ino).toBe(ino);
  });

  it('overwrites what it wrote, and removes what a larger cluster had, in the order of the members', async () => {
    const { directory, state, has, read } = project();
    await writeRendered(directory, files(12), state);
    const changed = [...files(1), ...files(2, 'v2').slice(1)];
    expect(await writeRendered(directory, changed, state)).toEqual({
      written: ['user-data-2'],
      removed: Array.from({ length: 10 }, (_, index) => `user-data-${index + 3}`),
    });
    expect(has()).toEqual(['user-data-1', 'user-data-2']);
    expect(read('user-data-2')).toBe('v2 2\n');
    expect(Object.keys((await state.load()).rendered)).toEqual(['user-data-1', 'user-data-2']);
  });

  it('refuses to overwrite what it did not write, names it, and changes nothing', async () => {
    const { directory, state, has, read } = project();
    await writeRendered(directory, files(2), state);
    writeFileSync(join(directory, 'user-data-2'), 'edited');
    writeFileSync(join(directory, 'user-data-3'), 'mine');
    await expect(writeRendered(directory, files(3, 'v2'), state)).rejects.toMatchObject({
      code: 'RENDER_FOREIGN',
      exitCode: 2,
      message: expect.stringMatching(/^user-data-2, user-data-3 in .* were not written by coreup, or edited since$/),
    });
    expect(has().map(read)).toEqual(['v1 1\n', 'edited', 'mine']);
    expect((await state.load()).rendered['user-data-1']).toEqual([sha256('v1 1\n')]);
  });

  it('never removes what it did not write, nor what only looks alike', async () => {
    const { directory, state, has } = project();
    await writeRendered(directory, files(3), state);
    writeFileSync(join(directory, 'user-data-3'), 'edited');
    const others = ['user-data', 'user-data-0', 'user-data-03', 'user-data-4.bak', 'user-data-9', 'my-user-data-2'];
    for (const name of others) writeFileSync(join(directory, name), name);
    expect(await writeRendered(directory, files(1), state)).toEqual({ written: [], removed: ['user-data-2'] });
    expect(has()).toEqual(['user-data-1', 'user-data-3', ...others].sort());
  });

  it('takes a file that is as it would be written for its own', async () => {
    const { directory, state } = project();
    writeFileSync(join(directory, 'user-data-1'), 'v1 1\n');
    expect(await writeRendered(directory, files(1), state)).toEqual({ written: [], removed: [] });
  });

  it.each([1, 2, 5])('knows its own after %i runs that ended between remembering and writing', async (runs) => {
    const { directory, state, has, read } = project();
    await writeRendered(directory, files(2), state);
    const dying = new (class extends StateDirectory {
      override async update(...args: Parameters<StateDirectory['update']>): ReturnType<StateDirectory['update']> {
        await super.update(...args);
        throw new Error('killed');
      }
    })(state.path);
    for (let run = 0; run < runs; run++) {
      await expect(writeRendered(directory, files(2, `lost ${run}`), dying)).rejects.toThrow('killed');
    }
    expect(has().map(read)).toEqual(['v1 1\n', 'v1 2\n']);
    await writeRendered(directory, files(1, 'last'), state);
    expect(has().map(read)).toEqual(['last 1\n']);
  });

  it('removes later what a run that ended too early has not removed', async () => {
    const { directory, state, has } = project();
    await writeRendered(directory, files(2), state);
    const before = readFileSync(state.file('state.json'));
    await writeRendered(directory, files(1), state);
    // As if it had ended before the last file went.
    writeFileSync(join(directory, 'user-data-2'), 'v1 2\n');
    writeFileSync(state.file('state.json'), before);
    expect((await writeRendered(directory, files(1), state)).removed).toEqual(['user-data-2']);
    expect(has()).toEqual(['user-data-1']);
  });

  it('remembers a file before it is there, and until it is gone', async () => {
    const { directory, state } = project();
    const seen: string[] = [];
    const watched = new (class extends StateDirectory {
      override async update(...args: Parameters<StateDirectory['update']>): ReturnType<StateDirectory['update']> {
        const after = await super.update(...args);
        const there = readdirSync(directory).filter((name) => name.startsWith('user-data'));
        seen.push(`remembered ${Object.keys(after.rendered).join()}, there ${there.join()}`);
        return after;
      }
    })(state.path);
    await writeRendered(directory, files(2), watched);
    await writeRendered(directory, files(1, 'v2'), watched);
    expect(seen).toEqual([
      'remembered user-data-1,user-data-2, there ',
      'remembered user-data-1,user-data-2, there user-data-1,user-data-2',
      'remembered user-data-1, there user-data-1',
    ]);
  });

  it('replaces a link and leaves what it leads to alone', async () => {
    const { directory, state, read } = project();
    await writeRendered(directory, files(1), state);
    const target = join(temporary(), 'target');
    writeFileSync(target, 'v1 1\n');
    rmSync(join(directory, 'user-data-1'));
    symlinkSync(target, join(directory, 'user-data-1'));
    await writeRendered(directory, files(1, 'v2'), state);
    expect(read('user-data-1')).toBe('v2 1\n');
    expect(readFileSync(target, 'utf8')).toBe('v1 1\n');
  });

  it('says what is in the way when it is no file (exit code 2)', async () => {
    const { directory, state } = project();
    mkdirSync(join(directory, 'user-data-1'));
    await expect(writeRendered(directory, files(1), state)).rejects.toMatchObject({
      code: 'RENDER_UNREADABLE',
      exitCode: 2,
      message: expect.stringContaining('EISDIR'),
    });
  });

  it('says that a directory is not there (exit code 2)', async () => {
    const { directory, state } = project();
    await expect(writeRendered(join(directory, 'none'), files(1), state)).rejects.toMatchObject({
      code: 'RENDER_UNREADABLE',
      exitCode: 2,
    });
  });

  it('says that a directory is read-only (exit code 2), to a user who is not root', () => {
    const modules = compile(['src/render/files.ts', 'src/state/state.ts']);
    const directory = temporary();
    const state = join(directory, '.coreup');
    mkdirSync(state, { mode: 0o777 });
    chmodSync(state, 0o777);
    for (const path of [modules, directory]) chmodSync(path, 0o555);
    const script = `process.setgid(65534); process.setuid(65534);
      const { writeRendered } = await import(${JSON.stringify(join(modules, 'src/render/files.js'))});
      const { StateDirectory } = await import(${JSON.stringify(join(modules, 'src/state/state.js'))});
      const files = [{ fileName: 'user-data-1', text: 'x' }];
      await writeRendered(${JSON.stringify(directory)}, files, new StateDirectory(${JSON.stringify(state)})).catch(
        ({ code, exitCode, message }) => console.log(JSON.stringify({ code, exitCode, message })));`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script]);
    rmSync(modules, { recursive: true });
    expect(stderr.toString()).toBe('');
    expect(JSON.parse(stdout.toString())).toEqual({
      code: 'RENDER_UNWRITABLE',
      exitCode: 2,
      message: expect.stringContaining('EACCES'),
    });
    expect(readdirSync(directory)).toEqual(['.coreup']);
  });

  it('writes a thousand members, each once, and one when one has changed', async () => {
    const { directory, state, has } = project();
    expect((await writeRendered(directory, files(1000), state)).written).toHaveLength(1000);
    expect(has()).toHaveLength(1000);
    const one = files(1000).map((file) => (file.fileName === 'user-data-500' ? { ...file, text: 'x' } : file));
    expect((await writeRendered(directory, one, state)).written).toEqual(['user-data-500']);
  });
});

describe('removeRendered', () => {
  it('removes what coreup wrote, and leaves what was edited since', async () => {
    const { directory, state, has } = project();
    await writeRendered(directory, files(3), state);
    writeFileSync(join(directory, 'user-data-2'), 'edited');
    writeFileSync(join(directory, 'user-data'), 'mine');
    await removeRendered(directory, state);
    expect(has()).toEqual(['user-data', 'user-data-2']);
  });
});
