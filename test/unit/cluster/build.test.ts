import { describe, expect, it } from '@jest/globals';
import {
  buildCluster,
  discoveryNode,
  etcdMembers,
  instanceName,
  type ClusterSpec,
} from '../../../src/cluster/build.js';

const spec = (more: Partial<ClusterSpec> = {}): ClusterSpec => ({
  name: 'c',
  prefix: 'core',
  etcdMembers: 3,
  placements: [1, 2, 3].map((index) => ({ publicIpv4: `192.0.2.${index}`, privateIpv4: `10.0.0.${index}` })),
  metadata: {},
  ...more,
});

describe('buildCluster', () => {
  it('names members as coreos-vagrant does, and counts from 1', () => {
    expect(buildCluster(spec()).members.map(({ index, name }) => [index, name])).toEqual([
      [1, 'core-01'],
      [2, 'core-02'],
      [3, 'core-03'],
    ]);
    expect([9, 10, 99, 100].map((index) => instanceName('node', index))).toEqual([
      'node-09',
      'node-10',
      'node-99',
      'node-100',
    ]);
  });

  it('takes names that are given, addresses and metadata by name', () => {
    const placements = [
      { name: 'alpha', publicIpv4: '192.0.2.1', privateIpv4: '10.0.0.1' },
      { publicIpv4: '192.0.2.2', privateIpv4: '10.0.0.2' },
    ];
    const { members } = buildCluster(
      spec({ placements, metadata: { alpha: { disk: 'ssd' }, 'core-01': { no: 'body' } } }),
    );
    expect(members[0]).toEqual({
      index: 1,
      name: 'alpha',
      role: 'etcd',
      publicIpv4: '192.0.2.1',
      privateIpv4: '10.0.0.1',
      metadata: { disk: 'ssd' },
    });
    expect(members[1]).toMatchObject({ name: 'core-02', metadata: {} });
  });

  it('makes the first ones etcd members, the rest workers', () => {
    const cluster = buildCluster(spec({ etcdMembers: 2 }));
    expect(cluster.members.map(({ role }) => role)).toEqual(['etcd', 'etcd', 'worker']);
    expect(etcdMembers(cluster).map(({ name }) => name)).toEqual(['core-01', 'core-02']);
    expect(discoveryNode(cluster)).toBeUndefined();
  });

  it('keeps the first one out of the cluster where it serves discovery', () => {
    const cluster = buildCluster(spec({ discoveryNode: true, etcdMembers: 1 }));
    expect(cluster.members.map(({ role }) => role)).toEqual(['discovery', 'etcd', 'worker']);
    expect(discoveryNode(cluster)?.name).toBe('core-01');
    expect(etcdMembers(cluster).map(({ name }) => name)).toEqual(['core-02']);
  });

  it.each([
    ['name', [{ name: 'core-02' }, {}], 'members 1 (core-02) and 2 (core-02) have the same name: core-02'],
    [
      'private address',
      [{ privateIpv4: '10.0.0.9' }, { privateIpv4: '10.0.0.9' }],
      'members 1 (core-01) and 2 (core-02) have the same private address: 10.0.0.9',
    ],
  ])('refuses twins in %s', (_, changes, message) => {
    const placements = changes.map((change, index) => ({
      publicIpv4: '192.0.2.1',
      privateIpv4: `10.0.0.${index}`,
      ...change,
    }));
    expect(() => buildCluster(spec({ placements }))).toThrow(
      expect.objectContaining({ message, code: 'CLUSTER_TWINS', exitCode: 2 }),
    );
  });

  it('allows one public address for all: they may be behind one router', () => {
    const placements = [1, 2].map((index) => ({ publicIpv4: '192.0.2.1', privateIpv4: `10.0.0.${index}` }));
    expect(buildCluster(spec({ placements })).members).toHaveLength(2);
  });
});
