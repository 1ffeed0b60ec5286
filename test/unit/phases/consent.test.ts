import { describe, expect, it } from '@jest/globals';
import { consent } from '../../../src/phases/consent.js';
import { runPhases } from '../../../src/phases/runner.js';
import { rollOut } from '../../../src/plan/quorum.js';
import { step, type Step } from '../../../src/plan/step.js';
import { InterruptedError } from '../../../src/util/errors.js';
import { scene, type Scene } from './support.js';

const RELOAD = step({ kind: 'daemon-reload' }, 'systemd', 'test');
const etcd = (verb: 'start' | 'restart'): Step =>
  step({ kind: 'unit-command', unit: 'etcd2.service', verb, wait: false }, 'etcd2.service', 'test');

/** One member with these steps, on a host of the local provider or of somebody else, with etcd's data or without. */
async function member(steps: readonly Step[], kind: 'local' | 'ssh', data: boolean): Promise<Scene> {
  const made = await scene(2, () => ({ data: data ? ['/var/lib/etcd2'] : [] }));
  made.run.hosts.forEach((host, index) => {
    host.plan = { apply: index === 0 ? steps : [], finish: [] };
  });
  Object.assign(made.provider, { kind });
  return made;
}

/** @returns what was asked */
async function asked({ run }: Scene, answer = true, undone: string[] = []): Promise<string[]> {
  const questions: string[] = [];
  const ask = (question: string): Promise<boolean> => {
    questions.push(question);
    return Promise.resolve(answer);
  };
  const undo = (): Promise<void> => Promise.resolve(void undone.push('undone'));
  await runPhases([consent(ask, undo)], run);
  return questions;
}

describe('consent', () => {
  it.each<[string, readonly Step[], 'local' | 'ssh', boolean, number]>([
    ['a local host with data', [RELOAD], 'local', true, 1],
    ['a local host without', [RELOAD], 'local', false, 0],
    ['a machine that coreup did not make', [RELOAD], 'ssh', false, 1],
    ['a machine where nothing changes', [], 'ssh', true, 0],
    ['a member that is only started', [etcd('start')], 'local', true, 0],
  ])('is asked for %s as it should', async (_, steps, kind, data, times) => {
    expect(await asked(await member(steps, kind, data))).toHaveLength(times);
  });

  it('shows who changes, what restarts, and what stays up', async () => {
    const made = await member([RELOAD, etcd('restart')], 'local', true);
    const voter = (name: string, restarts: boolean) => ({ name, up: true, restarts });
    made.run.rollOut = rollOut([voter('core-01', true), voter('core-02', false)]);
    await asked(made);
    expect(made.reporter.lines).toEqual([
      'core-01: 2 changes: daemon-reload systemd, restart etcd2.service',
      'etcd restarts on core-01: 1 of 2 members stay up',
      'it does not answer while a member restarts',
    ]);
  });

  it('ends with a plain sentence at a no', async () => {
    const made = await member([RELOAD], 'ssh', true);
    const undone: string[] = [];
    await expect(asked(made, false, undone)).rejects.toMatchObject({
      code: 'DECLINED',
      exitCode: 1,
      message: 'nothing was changed on the hosts, since the answer was no',
    });
    expect(made.ssh.scripts()).toEqual([]);
    expect(undone).toEqual(['undone']);
  });

  it('names the plan of the command that it is part of', async () => {
    const made = await member([RELOAD], 'ssh', true);
    const no = (): Promise<boolean> => Promise.resolve(false);
    await expect(runPhases([consent(no, () => Promise.resolve(), 'certs rotate')], made.run)).rejects.toMatchObject({
      hint: '`coreup certs rotate --plan` shows the changes in full; `coreup certs rotate --yes` makes them without asking.',
    });
  });

  it('takes back what was made for it where the question is interrupted, and not after a yes', async () => {
    const made = await member([RELOAD], 'ssh', true);
    const undone: string[] = [];
    await asked(made, true, undone);
    expect(undone).toEqual([]);
    const interrupted = (): Promise<boolean> => Promise.reject(new InterruptedError());
    const undo = (): Promise<void> => Promise.resolve(void undone.push('undone'));
    await expect(runPhases([consent(interrupted, undo)], made.run)).rejects.toBeInstanceOf(InterruptedError);
    expect(undone).toEqual(['undone']);
  });

  it('asks nothing where there is nobody to ask', async () => {
    const made = await member([RELOAD], 'ssh', true);
    const undo = (): Promise<void> => Promise.resolve();
    expect(consent(undefined, undo).skip?.(made.run)).toBe(true);
  });
});
