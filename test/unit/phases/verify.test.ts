import { describe, expect, it } from '@jest/globals';
import { verify } from '../../../src/phases/verify.js';
import { step } from '../../../src/plan/step.js';
import { InterruptedError } from '../../../src/util/errors.js';
import { scene, type Scene } from './support.js';

const IMPATIENT = { ready: 30_000, agree: 0, poll: [1, 2], unitPoll: 0 } as const;
const STEP = step({ kind: 'daemon-reload' }, 'systemd', 'test');

/** As after an `up` that has changed something. */
function changed(made: Scene): Scene {
  for (const host of made.run.hosts) host.plan = { apply: [STEP], finish: [] };
  return made;
}

async function failures(made: Scene): Promise<{ message: string; of: Record<string, string> }> {
  try {
    await verify.run({ ...made.run, patience: IMPATIENT });
  } catch (error) {
    const { message, failures: of = [] } = error as {
      message: string;
      failures?: { member: string; message: string }[];
    };
    return { message, of: Object.fromEntries(of.map((failure) => [failure.member, failure.message])) };
  }
  throw new Error('it did not fail');
}

describe('verify', () => {
  it.each([1, 3])('proves a healthy cluster of %i and remembers it', async (size) => {
    const made = changed(await scene(size));
    await verify.run(made.run);
    const names = made.run.hosts.map(({ name }) => name);
    expect((await made.run.state.load()).bootstrap).toEqual({ phase: 'done', members: names, clusterId: 'c8' });
    expect(made.reporter.notes).toContain('core-01 done: healthy, etcd 3.4.23, leader');
    // What was written to prove it is gone again.
    expect(made.etcds[0]?.store.size).toBe(0);
  });

  it('only reads, from every member, where nothing was changed', async () => {
    const made = await scene(3);
    const paths: string[] = [];
    for (const etcd of made.etcds) etcd.onRequest = (path) => paths.push(path);
    await verify.run(made.run);
    expect(paths.filter((path) => path === '/v3/kv/range')).toHaveLength(3);
    expect(paths).not.toContain('/v3/kv/put');
  });

  it('writes through one member and reads through another after a change', async () => {
    const made = changed(await scene(3));
    const asked = made.etcds.map((etcd) => {
      const paths: string[] = [];
      etcd.onRequest = (path) => paths.push(path);
      return paths;
    });
    await verify.run(made.run);
    expect(asked.map((paths) => paths.filter((path) => path.startsWith('/v3/kv')))).toEqual([
      ['/v3/kv/put', '/v3/kv/deleterange'],
      [],
      ['/v3/kv/range'],
    ]);
  });

  it('has nothing to prove where nobody runs etcd', async () => {
    const made = await scene(0);
    await verify.run(made.run);
    expect((await made.run.state.load()).bootstrap).toBeUndefined();
  });

  it('gives members time to agree: one that has just joined, one that does not answer for a moment', async () => {
    const made = changed(await scene(3));
    const [first, second, third] = made.etcds;
    if (!first || !second || !third) return;
    const right = first.members;
    first.members = right.map((member) => (member.name === 'core-03' ? { ...member, clientURLs: [] } : member));
    third.leader = 2;
    let questions = 0;
    first.onRequest = (path) => {
      if (path !== '/v3/cluster/member/list') return;
      questions++;
      if (questions === 1) second.up = false;
      if (questions === 2) {
        second.up = true;
        third.leader = 1;
        first.members = right;
      }
    };
    await verify.run(made.run);
    expect(questions).toBeGreaterThanOrEqual(2);
    expect((await made.run.state.load()).bootstrap?.phase).toBe('done');
  });

  it.each<[string, (made: Scene) => void, Record<string, string>]>([
    [
      'a wrong URL in the member list',
      ({ etcds }) => {
        for (const etcd of etcds)
          etcd.members = etcd.members.map((member) =>
            member.name === 'core-02' ? { ...member, peerURLs: ['http://localhost:2380'] } : member,
          );
      },
      { 'core-02': "has peer URLs http://localhost:2380 in etcd's member list, not http://10.0.0.2:2380" },
    ],
    [
      'another cluster',
      ({ etcds }) => {
        if (etcds[2]) etcds[2].clusterId = 201;
      },
      { 'core-03': 'is in cluster c9, while core-01 is in cluster c8' },
    ],
  ])('reports %s for good, and remembers nothing', async (_, spoil, of) => {
    const made = changed(await scene(3));
    spoil(made);
    expect(await failures(made)).toEqual({
      message: `the cluster is not as it should be: ${Object.keys(of).join(', ')}`,
      of,
    });
    expect((await made.run.state.load()).bootstrap).toBeUndefined();
  });

  it('names a member that stops answering after it was ready', async () => {
    const made = changed(await scene(3));
    const second = made.etcds[1];
    if (!second) return;
    let questions = 0;
    second.onRequest = () => {
      if (++questions === 1) second.up = false;
    };
    const { of } = await failures(made);
    expect(Object.keys(of)).toEqual(['core-02']);
    expect(of['core-02']).toMatch(/Connection refused/);
  });

  it('names the member that takes no writes', async () => {
    const made = changed(await scene(3));
    if (made.etcds[0]) made.etcds[0].refuses = true;
    expect(await failures(made)).toEqual({
      message: 'this member does not take writes: core-01',
      of: { 'core-01': 'etcd answered /v3/kv/put with 503: etcdserver: request timed out' },
    });
  });

  it('names the member that does not return what was written, also if cleaning up fails', async () => {
    const made = changed(await scene(3));
    const [first, , third] = made.etcds;
    if (!first || !third) return;
    third.onRequest = (path) => {
      if (path === '/v3/kv/range') {
        first.store.clear();
        first.refuses = true;
      }
    };
    expect(await failures(made)).toEqual({
      message: 'the cluster is not as it should be: core-03',
      of: { 'core-03': 'does not return what was written through core-01' },
    });
  });

  it('does not call a cluster unhealthy because its proof could not be taken away', async () => {
    const made = changed(await scene(3));
    const [first, , third] = made.etcds;
    if (!first || !third) return;
    third.onRequest = (path) => {
      if (path === '/v3/kv/range') first.refuses = true;
    };
    await verify.run(made.run);
    expect(made.reporter.lines).toEqual([expect.stringMatching(/^debug: the key \/coreup\/verify\/.* stays: /)]);
  });

  it('names members that do not serve reads', async () => {
    const made = await scene(3);
    for (const etcd of made.etcds.slice(1)) etcd.refuses = true;
    expect((await failures(made)).message).toBe('these members do not serve reads: core-02, core-03');
  });

  it('names each member that is not healthy, and gives up on the others once there can be no quorum', async () => {
    const made = changed(await scene(3));
    const [first, second, third] = made.etcds;
    if (!first || !second || !third) return;
    second.up = third.up = false;
    first.leader = 0;
    const failed = { stdout: 'ActiveState=failed\nResult=exit-code\nNRestarts=0\n' };
    made.ssh.replyOn('core-02', 'systemctl show', failed).replyOn('core-03', 'systemctl show', failed);
    const { message, of } = await failures(made);
    expect(message).toBe('etcd is not healthy on: core-01, core-02, core-03');
    expect(of['core-01']).toMatch(/^there will be no quorum: etcd runs but knows no leader/);
    expect(of['core-02']).toMatch(/^etcd does not stay up/);
  });

  it('refuses hosts that have become another cluster than the one this project knows', async () => {
    const made = changed(await scene(3));
    const bootstrap = { phase: 'done', members: ['core-01', 'core-02', 'core-03'], clusterId: 'abc' } as const;
    await made.run.state.update((state) => ({ ...state, bootstrap }));
    await expect(verify.run(made.run)).rejects.toMatchObject({ code: 'CLUSTER_ID_CHANGED' });
    expect((await made.run.state.load()).bootstrap).toEqual(bootstrap);
  });

  it('ends at once when it is interrupted while members disagree', async () => {
    const made = changed(await scene(3));
    const [first, , third] = made.etcds;
    if (!first || !third) return;
    third.leader = 2;
    let questions = 0;
    first.onRequest = (path) => {
      if (path === '/v3/cluster/member/list' && ++questions === 2) made.controller.abort();
    };
    await expect(verify.run(made.run)).rejects.toBeInstanceOf(InterruptedError);
  });
});
