import { mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { killedText, runsOf } from '../../../src/state/journal-entries.js';
import { Journal, killedRun, readJournal } from '../../../src/state/journal.js';
import { StateDirectory } from '../../../src/state/state.js';
import { temporary } from '../plan/support.js';

async function fresh(): Promise<StateDirectory> {
  const state = new StateDirectory(join(temporary(), '.coreup'));
  await state.ensure();
  return state;
}

describe('the journal', () => {
  it('tells of each run who, what and how it ended', async () => {
    const state = await fresh();
    const first = Journal.begin(state, 'up');
    first.phase('Looking at the hosts');
    first.plan({ 'core-01': 7 });
    first.step('core-01', 'record manifest');
    first.stepped('core-01');
    first.end('done');
    Journal.begin(state, 'convert').end('failed');
    expect(await readJournal(state)).toMatchObject([
      { command: 'up', pid: process.pid, phase: 'Looking at the hosts', changes: { 'core-01': 7 }, outcome: 'done' },
      { command: 'convert', underWay: [], outcome: 'failed' },
    ]);
    expect(await killedRun(state)).toBeUndefined();
    expect(statSync(state.file('journal')).mode & 0o777).toBe(0o600);
  });

  it('tells which step of which member was under way in a run that was killed', async () => {
    const state = await fresh();
    const journal = Journal.begin(state, 'up');
    journal.step('core-01', 'file-write /etc/a');
    journal.step('core-02', 'file-write /etc/a');
    journal.step('core-01', 'unit-command restart etcd2.service');
    journal.step('core-03', 'daemon-reload systemd');
    journal.stepped('core-03');
    expect((await killedRun(state))?.underWay).toEqual([
      { member: 'core-02', step: 'file-write /etc/a' },
      { member: 'core-01', step: 'unit-command restart etcd2.service' },
    ]);
  });

  it('passes over a line that was cut off anywhere, and goes on after it', async () => {
    const state = await fresh();
    Journal.begin(state, 'up').step('core-01', 'file-write /etc/a');
    const whole = readFileSync(state.file('journal'), 'utf8');
    const lastLine = whole.trimEnd().lastIndexOf('\n') + 1;
    for (let length = whole.length - 1; length > lastLine; length--) {
      writeFileSync(state.file('journal'), whole);
      truncateSync(state.file('journal'), length);
      Journal.begin(state, 'up').end('done');
      const runs = await readJournal(state);
      expect(runs).toHaveLength(2);
      expect(runs[1]).toMatchObject({ outcome: 'done' });
    }
  });

  it('stays small, and a run that is longer is still known', async () => {
    const state = await fresh();
    const journal = Journal.begin(state, 'up');
    for (let step = 0; step < 10_000; step++) journal.step('core-01', `file-write /etc/${step}`);
    expect(readdirSync(state.path).sort()).toEqual(['journal', 'journal.1']);
    const sizes = ['journal', 'journal.1'].map((name) => statSync(state.file(name)).size);
    expect(Math.max(...sizes)).toBeLessThan(257 * 1024);
    expect(await readJournal(state)).toMatchObject([
      { command: 'up', underWay: [{ member: 'core-01', step: 'file-write /etc/9999' }] },
    ]);
  });

  it('that cannot be written stops nobody', async () => {
    const state = await fresh();
    mkdirSync(state.file('journal'));
    Journal.begin(state, 'up').end('done');
    expect(await readJournal(state)).toEqual([]);
    expect(await readJournal(new StateDirectory('/nowhere'))).toEqual([]);
  });
});

describe('killedText', () => {
  const at = (hour: number): string => new Date(2026, 0, 2, hour, 10).toISOString();
  const lines = (...entries: readonly object[]): string =>
    entries.map((entry) => JSON.stringify({ run: 'a', at: at(23), ...entry })).join('\n');
  const began = { event: 'began', command: 'up', pid: 1, host: 'laptop' };
  const say = (now: Date, ...entries: readonly object[]): string => {
    const [run] = runsOf(lines(began, ...entries));
    if (run === undefined) throw new Error('no run');
    return killedText(run, now);
  };
  const today = new Date(2026, 0, 2, 23, 59);

  it('names the step and the member', () => {
    expect(say(today, { event: 'step', member: 'core-02', step: 'unit-command restart etcd2.service' })).toBe(
      'the last up ended at 23:10 in the middle of unit-command restart etcd2.service on core-02',
    );
  });

  it('names the phase where no step was under way, and the date of another day', () => {
    expect(say(today, { event: 'phase', title: 'Reaching the hosts' })).toMatch(/ at "Reaching the hosts"$/);
    expect(say(today)).toMatch(/ at its start$/);
    expect(say(new Date(2026, 0, 9))).toContain(`ended at ${at(23).slice(0, 10)} ${at(23).slice(11, 16)} UTC`);
  });

  it('counts where there are many', () => {
    const steps = [1, 2, 3, 4, 5].map((n) => ({ event: 'step', member: `core-0${n}`, step: 'daemon-reload systemd' }));
    expect(say(today, ...steps)).toContain('daemon-reload systemd on core-03, steps on 2 more');
  });
});
