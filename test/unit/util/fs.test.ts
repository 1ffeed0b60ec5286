import { describe, expect, it } from '@jest/globals';
import { mkdtemp, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeDirectories } from '../../../src/util/fs.js';

describe('makeDirectories', () => {
  it('makes what is missing, with the mode on the last, and is content with what is there', async () => {
    const scratch = await mkdtemp(join(tmpdir(), 'coreup-fs-'));
    const path = join(scratch, 'a', 'b c', 'd');
    await makeDirectories(path, 0o700);
    await makeDirectories(path, 0o700);
    expect((await stat(path)).mode & 0o777).toBe(0o700);
    expect((await stat(join(scratch, 'a'))).isDirectory()).toBe(true);
  });

  it('ends with an error where there can be no directory', async () => {
    await expect(makeDirectories('/proc/coreup/state')).rejects.toThrow('ENOENT');
  });
});
