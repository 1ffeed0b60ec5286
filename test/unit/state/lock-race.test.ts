import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { takeLock } from '../../../src/state/lock.js';
import { StateDirectory } from '../../../src/state/state.js';
import { compile } from './compile.js';

let modules: string;
let directory: string;
beforeAll(() => {
  modules = compile(['test/unit/state/racer.fixture.ts']);
  directory = mkdtempSync(join(tmpdir(), 'coreup-race-'));
});
afterAll(() => {
  for (const made of [modules, directory]) rmSync(made, { recursive: true, force: true });
});

function racer(mode: string, place: string, rounds = 0): ChildProcess {
  const script = join(modules, 'test/unit/state/racer.fixture.js');
  return spawn(process.execPath, [script, mode, place, String(rounds)], { stdio: ['ignore', 'inherit', 'inherit'] });
}

const lines = (place: string): string[] => readFileSync(join(place, 'log'), 'utf8').split('\n').slice(0, -1);

describe('several processes', () => {
  it('that take over stale locks from each other hold it one at a time', async () => {
    const place = join(directory, 'claims');
    mkdirSync(place);
    const racers = Array.from({ length: 4 }, () => racer('claims', place, 100));
    for (const exit of await Promise.all(racers.map((child) => once(child, 'exit')))) expect(exit[0]).toBe(0);
    const told = lines(place);
    expect(told.filter((line) => line !== 'won')).toEqual([]);
    expect(told).toHaveLength(400);
    // Nothing is left of the rights to take over.
    expect(readdirSync(place).filter((name) => name.startsWith('claim.'))).toEqual([]);
  }, 120_000);

  it('that are killed at any moment leave a lock that the next one gets, one at a time', async () => {
    const place = join(directory, 'locks');
    mkdirSync(place);
    writeFileSync(join(place, 'log'), '');
    const won = (): number => lines(place).length;
    const racers = Array.from({ length: 3 }, () => racer('locks', place));
    for (let kill = 0; kill < 25; kill++) {
      // Whoever it hits: somebody must get on with it.
      const before = won();
      while (won() < before + 2) await new Promise((done) => setImmediate(done));
      const victim = racers[kill % racers.length];
      victim?.kill('SIGKILL');
      if (victim) await once(victim, 'exit');
      racers[kill % racers.length] = racer('locks', place);
    }
    for (const child of racers) child.kill('SIGKILL');
    await Promise.all(racers.map((child) => once(child, 'exit')));
    expect(lines(place).filter((line) => line !== 'won')).toEqual([]);

    const state = new StateDirectory(join(place, 'state'));
    const unlock = await takeLock(state, 'up');
    // What killed processes have left beside it is gone.
    expect(readdirSync(state.path)).toEqual(['lock']);
    await unlock();
    expect(readdirSync(state.path)).toEqual([]);
  }, 120_000);
});
