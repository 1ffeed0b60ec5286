import { describe, expect, it } from '@jest/globals';
import { checkBetween } from '../../../src/doctor/checks-between.js';
import { checkCluster } from '../../../src/doctor/checks-cluster.js';
import { checkHosts } from '../../../src/doctor/checks-host.js';
import { checkHere } from '../../../src/doctor/checks-here.js';
import type { Finding } from '../../../src/doctor/finding.js';
import type { HereFacts } from '../../../src/doctor/look-here.js';
import type { ClusterView, MemberView } from '../../../src/doctor/look-at-cluster.js';
import type { MemberCondition } from '../../../src/etcd/client.js';
import { EMPTY_STATE } from '../../../src/state/format.js';
import { facts, host } from './support.js';

const brief = (findings: readonly Finding[]) => findings.map(({ check, severity, where }) => `${severity} ${check} ${where}`); // prettier-ignore

describe('checkHosts', () => {
  it('finds nothing wrong with a sound host', () => {
    expect(checkHosts([host('core-01')])).toEqual([]);
  });

  it.each([
    ['systemd', facts({ systemd: false }), 'error systemd core-01'],
    ['machine id', facts({ machineId: 'uninitialized' }), 'error machine-id core-01'],
    ['own name', facts({ knowsItself: false }), 'warning own-name core-01'],
    ['names', facts({ unresolved: ['etcd.example.org'] }), 'error names core-01'],
    ['failed units', facts({ failedUnits: ['nginx.service'] }), 'warning failed-units core-01'],
    ['little space', facts({ disk: { mount: '/', free: 500e6, freeInodes: 1e6 } }), 'warning disk-space core-01'],
    ['no space', facts({ disk: { mount: '/', free: 60e6, freeInodes: 1e6 } }), 'error disk-space core-01'],
    ['no inodes', facts({ disk: { mount: '/', free: 9e9, freeInodes: 5 } }), 'error disk-inodes core-01'],
    ['an address of no interface', facts({ network: { addresses: [], routes: [] } as never }), 'error address core-01'],
    ['somebody at work', facts({ lock: JSON.stringify({ command: 'up', pid: 1, host: 'a', user: 'b', since: 'now' }) }), 'warning host-lock core-01'], // prettier-ignore
    ['no ip', facts({ network: undefined }), 'warning address core-01'],
  ])('%s', (_, seen, expected) => {
    expect(brief(checkHosts([host('core-01', { facts: seen })]))).toEqual([expected]);
  });

  it('tells a slow disk by its 99th percentile, and not of workers', () => {
    const slow = { sync: { writes: 100, p99: 31.4 } };
    const [finding] = checkHosts([host('core-01', slow)]);
    expect(finding).toMatchObject({ check: 'disk-sync', severity: 'warning', what: expect.stringContaining('31.4 ms') }); // prettier-ignore
    expect(checkHosts([host('core-01', { ...slow, role: 'worker' })])).toEqual([]);
  });
});

describe('checkBetween', () => {
  const clocks = (...offsets: readonly number[]) =>
    brief(
      checkBetween(
        offsets.map((offset, i) => host(`core-0${i + 1}`, { clock: { offset, bound: 5 } })),
        [],
      ),
    ).map((line) => line.replace(/ core-.*/, ''));

  it('compares clocks, and gives them the benefit of what could not be measured', () => {
    expect(clocks(0, 900, -100)).toEqual([]);
    expect(clocks(0, 1005, 0)).toEqual([]);
    expect(clocks(0, 1500, 0)).toEqual(['warning clock']);
    expect(clocks(0, 90_000, 0)).toEqual(['error clock', 'error clock-here']);
    // All are of one mind, and another one than this machine.
    expect(clocks(-90_000, -90_000, -90_000)).toEqual(['error clock-here', 'error clock-here', 'error clock-here']);
  });

  it('finds copies of one image', () => {
    const twin = (name: string) =>
      host(name, { facts: facts({ machineId: 'a'.repeat(32), hostname: 'image' }, Number(name.slice(-1))) });
    expect(brief(checkBetween([twin('core-01'), host('core-02'), twin('core-03')], []))).toEqual([
      'error machine-id-twins core-01, core-03',
      'warning hostname-twins core-01, core-03',
    ]);
  });

  it('takes a refused port for wrong only where etcd runs', () => {
    const port = { to: 'core-02', address: '10.0.0.2', port: 2380, answer: { kind: 'refused' as const } };
    const asker = host('core-01', { ports: [port] });
    expect(brief(checkBetween([asker, host('core-02')], []))).toEqual(['error port-blocked core-01']);
    const stopped = host('core-02', { facts: facts({ units: new Map() }, 2) });
    expect(brief(checkBetween([asker, stopped], []))).toEqual([]);
  });
});

describe('checkCluster', () => {
  const member = (index: number, condition: Partial<MemberCondition> = {}): MemberView => ({
    name: `core-0${index}`,
    expected: {
      name: `core-0${index}`,
      peerUrls: [`http://10.0.0.${index}:2380`],
      clientUrls: [`http://10.0.0.${index}:2379`],
    },
    condition: {
      clusterId: 'c1',
      memberId: `m${index}`,
      leader: 'm1',
      version: '3.5.16',
      dbSize: 1e6,
      raftIndex: 100,
      appliedIndex: 100,
      ...condition,
    },
  });
  const silent = (index: number): MemberView => {
    const { name, expected } = member(index);
    return { name, expected, silent: 'connection refused' };
  };
  const listed = [1, 2, 3].map((index) => ({ ...member(index).expected, id: `m${index}`, learner: false }));
  const cluster = (members: readonly MemberView[], rest: Partial<ClusterView> = {}): ClusterView => ({
    members,
    lists: [{ by: 'core-01', listed }],
    alarms: [],
    ...rest,
  });
  const hosts = ['core-01', 'core-02', 'core-03'].map((name) => host(name));
  const check = (view: ClusterView) => brief(checkCluster(view, hosts));

  it('finds nothing wrong with three that agree', () => {
    expect(check(cluster([member(1), member(2), member(3)]))).toEqual([]);
  });

  it.each([
    ['disagreeing cluster IDs', cluster([member(1), member(2), member(3, { clusterId: 'c2' })]), ['error cluster-id the cluster']], // prettier-ignore
    ['a member that runs and does not answer', cluster([member(1), member(2), silent(3)]), ['error etcd-answers core-03']], // prettier-ignore
    ['no leader', cluster([member(1, { leader: undefined }), silent(2), silent(3)], { lists: [] }), ['error etcd-answers core-02', 'error etcd-answers core-03', 'error leader the cluster']], // prettier-ignore
    ['an alarm', cluster([member(1), member(2), member(3)], { alarms: [{ memberId: 'm2', alarm: 'NOSPACE' }] }), ['error alarm core-02']], // prettier-ignore
    ['a large database', cluster([member(1, { dbSize: 1.9e9 }), member(2), member(3)]), ['warning db-size core-01']],
    ['several versions', cluster([member(1, { version: '3.4.23' }), member(2), member(3)]), ['warning versions the cluster']], // prettier-ignore
    ['one that lags', cluster([member(1, { raftIndex: 9000, appliedIndex: 9000 }), member(2, { raftIndex: 9000, appliedIndex: 9000 }), member(3)]), ['warning raft-lag core-03']], // prettier-ignore
    ['a member never started', cluster([member(1), member(2), member(3)], { lists: [{ by: 'core-01', listed: [...listed, { id: 'm4', name: '', peerUrls: ['http://10.0.0.4:2380'], clientUrls: [], learner: false }] }] }), ['error never-started m4']], // prettier-ignore
  ])('%s', (_, view, expected) => {
    expect(check(view)).toEqual(expected);
  });
});

describe('checkHere', () => {
  const here = (different: Partial<HereFacts> = {}): HereFacts => ({
    node: { running: '20.19.0', least: '20.19' },
    hasSshClient: true,
    usesSshConfig: true,
    problems: [],
    directory: '/project',
    writable: true,
    exposed: [],
    state: EMPTY_STATE,
    lock: undefined,
    ...different,
  });

  it('finds nothing wrong with a sound machine', () => {
    expect(checkHere(here())).toEqual([]);
  });

  it.each([
    ['an old Node.js', here({ node: { running: '18.20.4', least: '20.19' } }), 'error node this machine'],
    ['no ssh', here({ hasSshClient: false }), 'warning ssh-client this machine'],
    ['a read-only project', here({ writable: false }), 'error project this machine'],
    ['an open key', here({ exposed: [{ path: '/k', mode: 0o644, key: true }] }), 'error permissions this machine'],
    ['open user-data', here({ exposed: [{ path: '/u', mode: 0o644, key: false }] }), 'warning permissions this machine'], // prettier-ignore
    ['a broken state', here({ state: { unreadable: 'no', hint: 'do' } }), 'error state this machine'],
    ['what a provider misses', here({ problems: [{ message: 'm', remedy: 'r', blame: 'machine' }] }), 'error provider this machine'], // prettier-ignore
  ])('%s', (_, seen, expected) => {
    expect(brief(checkHere(seen))).toEqual([expected]);
  });
});
