import { describe, expect, it } from '@jest/globals';
import { apply } from '../../../src/phases/apply.js';
import { MembersFailedError } from '../../../src/phases/failures.js';
import { guardQuorum } from '../../../src/phases/quorum.js';
import { runPhases } from '../../../src/phases/runner.js';
import { step, type Step } from '../../../src/plan/step.js';
import { seenUnit } from '../plan/support.js';
import { scene, type Scene } from './support.js';

const etcd = (verb: 'start' | 'restart'): Step =>
  step({ kind: 'unit-command', unit: 'etcd2.service', verb, wait: false }, 'etcd2.service', 'test');

/** Members whose etcd2.service is in these states; `R` after it: the plan restarts (or starts) it. */
async function cluster(...states: string[]): Promise<Scene> {
  const active = (index: number): string => states[index]?.replace(' R', '') ?? '';
  const made = await scene(states.length, (index) => ({
    units: new Map([['etcd2.service', seenUnit({ active: active(index) })]]),
  }));
  made.run.hosts.forEach((host, index) => {
    const verb = active(index) === 'active' || active(index) === 'activating' ? 'restart' : 'start';
    host.plan = { apply: states[index]?.endsWith(' R') === true ? [etcd(verb)] : [], finish: [] };
    const server = made.etcds[index];
    if (server) server.up = active(index) === 'active';
  });
  return made;
}

const requests = ({ ssh }: Scene): string[] =>
  ssh.requests.filter(({ kind, text }) => kind === 'run' && text.includes('run()')).map(({ host }) => host);

describe('guardQuorum', () => {
  it('asks nobody where no working member restarts', async () => {
    expect(guardQuorum.skip?.((await cluster('active', 'active', 'failed R')).run)).toBe(true);
    expect(guardQuorum.skip?.((await cluster('inactive R', 'inactive R', 'inactive R')).run)).toBe(true);
    expect(guardQuorum.skip?.((await cluster('active', 'active R', 'active')).run)).toBe(false);
  });

  it('refuses a restart that would take the quorum, names who is down, and the order that would not', async () => {
    const made = await cluster('active R', 'failed', 'active R');
    const error = await guardQuorum.run(made.run).then(
      () => undefined,
      (reason: unknown) => reason as MembersFailedError,
    );
    expect(error).toBeInstanceOf(MembersFailedError);
    expect(error?.message).toBe('no host was changed, since etcd would lose its quorum: core-01, core-03');
    expect(error?.failures[0]).toEqual({
      member: 'core-01',
      message: 'must restart its etcd, which would leave 1 of 3 members, and 2 are the quorum: core-02 is down',
      hint:
        'The order that keeps the quorum: core-02, then core-01, then core-03. Mend core-02 first ' +
        '(`coreup logs core-02` says what is wrong), then run `coreup up` again.',
    });
    expect(requests(made)).toEqual([]);
  });

  it('lets the rest of five go on without one, and does not wait for that one', async () => {
    const made = await cluster('active R', 'failed', 'active', 'active R', 'active');
    await runPhases([guardQuorum, apply], made.run);
    expect(requests(made)).toEqual(['core-01', 'core-04']);
  });

  it('restarts all at once where there is no quorum to lose, though systemd calls them active', async () => {
    const made = await cluster('active R', 'active R', 'active R');
    for (const state of made.etcds) state.leader = 0;
    const run = { ...made.run, patience: { ready: 0, agree: 0, poll: [1, 1] as const, unitPoll: 30_000 } };
    await runPhases([guardQuorum, apply], run);
    expect(requests(made)).toEqual(['core-01', 'core-02', 'core-03']);
  });

  it('says of a cluster of one that it is interrupted, and does not refuse', async () => {
    const made = await cluster('active R');
    await guardQuorum.run(made.run);
    expect(made.run.rollOut?.verdict).toBe('interrupts');
  });
});
