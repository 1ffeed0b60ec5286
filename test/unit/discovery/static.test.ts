import { describe, expect, it } from '@jest/globals';
import { initialCluster, staticDiscovery } from '../../../src/discovery/static.js';
import { clusterOf } from '../render/support.js';

describe('static discovery', () => {
  it('tells every member the names and peer URLs of all etcd members, in order', () => {
    const cluster = clusterOf(3, {}, 2);
    const expected = 'core-01=http://10.1.0.1:2380,core-02=http://10.1.0.2:2380';
    expect(initialCluster(cluster)).toBe(expected);
    expect(initialCluster(cluster, 'https')).toBe(expected.replaceAll('http', 'https'));
    const settings = staticDiscovery.settings(cluster);
    for (const member of cluster.members)
      expect(settings(member, undefined)).toEqual({ etcd2: { 'initial-cluster': expected } });
  });

  it.each([
    ['initial-cluster', 'b=2,a=1', 'a=1,b=2', true],
    ['initial-cluster', 'a=1,b=2', 'a=1,b=2', true],
    ['initial-cluster', 'a=1', 'a=1,b=2', false],
    ['initial-cluster', 'a=1,b=2,b=3', 'a=1,b=2', false],
    ['initial-cluster', 'a=1, b=2', 'a=1,b=2', false],
    ['name', 'a', 'a', false],
  ])('knows when %s: %j says the same as %j', (key, present, wanted, same) => {
    expect(staticDiscovery.same?.(key, present, wanted)).toBe(same);
  });
});
