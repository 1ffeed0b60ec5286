import { describe, expect, it } from '@jest/globals';
import { customRendezvous } from '../../../src/phases/custom-discovery.js';
import { MembersFailedError } from '../../../src/phases/failures.js';
import { meet } from '../../../src/phases/rendezvous.js';
import type { UpRun } from '../../../src/phases/run.js';
import { verifyOthers } from '../../../src/phases/verify-others.js';
import { parseEtcdVersion } from '../../../src/etcd/version.js';
import type { Observation } from '../../../src/plan/observation.js';
import { scene, type EtcdState, type Scene } from './support.js';

const TOKEN = { path: 'discovery', token: 't0' };
const SIZE = '/v2/keys/discovery/t0/_config/size';
const ROLES = { discoveryNode: true, etcdMembers: 2 };

const founding = ({ run }: Scene): UpRun => ({ ...run, founding: true, rendezvous: customRendezvous(TOKEN) });

function etcdOf({ etcds }: Scene, index: number): EtcdState {
  const state = etcds[index];
  if (!state) throw new RangeError(`no etcd ${index}`);
  return state;
}

function etcd(...versions: string[]): (index: number) => Partial<Observation> {
  return (index) => ({ etcd: { path: '/usr/bin/etcd', version: parseEtcdVersion(versions[index] ?? '3.4.23') } });
}

async function failures(work: Promise<void>): Promise<string> {
  try {
    await work;
  } catch (error) {
    const failures = error instanceof MembersFailedError ? error.failures : [error as Error];
    return failures.map(({ message }) => message).join('\n');
  }
  throw new Error('it did not fail');
}

describe('custom discovery (stand-in etcd)', () => {
  it('tells the node how many members to expect, and says so only once', async () => {
    const set = await scene(3, undefined, ROLES);
    await meet.run(founding(set));
    expect(set.etcds[0]?.store.get(SIZE)).toBe('2');
    let writes = 0;
    etcdOf(set, 0).onRequest = (path) => (writes += path === SIZE ? 1 : 0);
    await meet.run(founding(set));
    expect(writes).toBe(0);
  });

  it('is not needed once the cluster has been whole', async () => {
    const set = await scene(3, undefined, ROLES);
    expect(meet.skip?.({ ...founding(set), founding: false })).toBe(true);
    expect(meet.skip?.(founding(set))).toBe(false);
    expect(meet.skip?.({ ...set.run, founding: true })).toBe(true);
  });

  it('refuses a token that is for another number of members', async () => {
    const set = await scene(3, undefined, ROLES);
    set.etcds[0]?.store.set(SIZE, '5');
    expect(await failures(meet.run(founding(set)))).toContain('is for 5 members, and this cluster has 2');
  });

  it('uses the v3 protocol for members of etcd 3.6', async () => {
    const set = await scene(3, etcd('3.6.0', '3.6.0', '3.6.1'), ROLES);
    await meet.run(founding(set));
    const key = Buffer.from('/_etcd/registry/t0/_config/size').toString('base64');
    expect(set.etcds[0]?.store.get(key)).toBe(Buffer.from('2').toString('base64'));
  });

  it.each([
    [['3.4.23', '3.5.16', '3.6.0'], 'core-02 (etcd 3.5.16) and core-03 (etcd 3.6.0) cannot meet'],
    [['3.6.0', '3.4.23', '3.5.16'], 'core-01 (etcd 3.6.0) cannot serve discovery for core-02 (etcd 3.4.23), core-03'],
  ])('refuses versions that cannot meet: %p', async (versions, message) => {
    const set = await scene(3, etcd(...versions), ROLES);
    expect(await failures(meet.run(founding(set)))).toContain(message);
    expect(set.etcds[0]?.store.size).toBe(0);
  });
});

describe('instances that are no members (stand-in etcd)', () => {
  it('are shown to be what they should be', async () => {
    const set = await scene(4, undefined, ROLES);
    await verifyOthers.run(set.run);
    expect(set.reporter.notes).toEqual([
      'core-01 done: serves discovery',
      'core-04 done: the proxy leads to the cluster',
    ]);
    expect(verifyOthers.skip?.((await scene(3)).run)).toBe(true);
  });

  it('fail where the proxy does not know the members', async () => {
    const set = await scene(3, undefined, { etcdMembers: 2 });
    etcdOf(set, 2).members = [];
    const run = { ...set.run, patience: { ready: 0, agree: 0, poll: [1, 2] as const, unitPoll: 0 } };
    expect(await failures(verifyOthers.run(run))).toContain('the proxy does not know core-01, core-02');
  });
});
