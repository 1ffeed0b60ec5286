import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RunLog } from '../../../src/report/run-log.js';

describe('RunLog', () => {
  let directory: string;
  let problems: string[];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'coreup-log-'));
    problems = [];
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  function log(began: Date, place = join(directory, 'logs')): RunLog {
    return new RunLog(place, { command: 'up', began }, (text) => problems.push(text));
  }
  const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second));

  it('is made, closed to others, by the first phase, with what came before it', async () => {
    const run = log(at(0));
    run.write({ event: 'warning', text: 'careful' }, at(0));
    expect(run.path).toBeUndefined();
    expect(await readdir(directory)).toEqual([]);
    run.write({ event: 'phase-begin', phase: 'x' }, at(1));
    run.write({ event: 'info', text: 'password=hunter2hunter2' }, at(2));
    const path = run.path ?? '';
    run.close();
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(directory, 'logs'))).mode & 0o777).toBe(0o700);
    const text = await readFile(path, 'utf8');
    const lines = text.trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { event: string }).event)).toEqual([
      'warning',
      'phase-begin',
      'info',
    ]);
    expect(text).not.toContain('hunter2');
    expect(problems).toEqual([]);
  });

  it('keeps the last twenty, and what is no log', async () => {
    for (let second = 0; second < 25; second++) {
      const run = log(at(second));
      run.write({ event: 'phase-begin', phase: 'x' }, at(second));
      run.close();
      if (second === 0) await writeFile(join(directory, 'logs', 'notes.txt'), 'mine');
    }
    const names = (await readdir(join(directory, 'logs'))).sort();
    expect(names).toHaveLength(21);
    expect(names[0]).toMatch(/^20260101T000005000Z-up-\d+\.ndjson$/);
    expect(names.at(-1)).toBe('notes.txt');
  });

  it('says once that it cannot be written, and is no error', async () => {
    await writeFile(join(directory, 'logs'), 'a file');
    const run = log(at(0));
    run.write({ event: 'phase-begin', phase: 'x' }, at(0));
    run.write({ event: 'phase-begin', phase: 'y' }, at(0));
    expect(run.path).toBeUndefined();
    expect(problems).toEqual([
      expect.stringMatching(/^the log .* cannot be written \(ENOTDIR.*\); going on without it$/),
    ]);
    run.close();
  });
});
