import { describe, expect, it } from '@jest/globals';
import { buildCluster } from '../../../src/cluster/build.js';
import type { Cluster, Member } from '../../../src/cluster/types.js';
import { customDiscovery, discoveryUrl } from '../../../src/discovery/custom.js';
import type { EtcdSettings, MemberSettings } from '../../../src/discovery/mode.js';
import { memberSettings } from '../../../src/discovery/settings.js';
import { staticDiscovery, staticMembership } from '../../../src/discovery/static.js';
import { parseEtcdVersion } from '../../../src/etcd/version.js';

const TOKEN = { token: '40134540-b53c-46b3-b34f-33b4f0ae3a9c', path: 'discovery' };
const V34 = parseEtcdVersion('3.4.23');
const V35 = parseEtcdVersion('3.5.16');
const V36 = parseEtcdVersion('3.6.0');

function clusterOf(size: number, etcdMembers: number, discoveryNode = false): Cluster {
  return buildCluster({
    name: 'cellar',
    prefix: 'core',
    discoveryNode,
    etcdMembers,
    placements: Array.from({ length: size }, (_, index) => ({
      publicIpv4: `172.17.8.${101 + index}`,
      privateIpv4: `172.17.8.${101 + index}`,
    })),
    metadata: {},
  });
}

function memberAt({ members }: Cluster, position: number): Member {
  const member = members.at(position);
  if (!member) throw new RangeError(`no member ${position}`);
  return member;
}

/** What is set, without what is taken out. */
function kept(settings: EtcdSettings | null): EtcdSettings {
  return Object.fromEntries(Object.entries(settings ?? {}).filter(([, value]) => value !== null));
}

function all(mode: Parameters<typeof memberSettings>[0], cluster: Cluster, version = V34): MemberSettings[] {
  const of = memberSettings(mode, cluster);
  return cluster.members.map((member) => of(member, version));
}

describe('custom discovery', () => {
  const cluster = clusterOf(3, 2, true);

  it('gives the members the token at the first instance, as the chapter has it', () => {
    expect(discoveryUrl(cluster, TOKEN)).toBe(
      'http://172.17.8.101:2379/v2/keys/discovery/40134540-b53c-46b3-b34f-33b4f0ae3a9c',
    );
    const [node, ...members] = all(customDiscovery(TOKEN), cluster);
    expect(kept(node?.etcd2 ?? null)).toEqual({});
    for (const { etcd2, environment } of members) {
      expect(kept(etcd2)).toEqual({ discovery: discoveryUrl(cluster, TOKEN), 'discovery-fallback': 'exit' });
      expect(etcd2).toMatchObject({ 'initial-cluster': null, 'discovery-srv': null });
      expect(environment).toEqual({});
    }
  });

  it('takes everything from the node that would make it a member', () => {
    const [node] = all(customDiscovery(TOKEN), cluster);
    expect(node?.etcd2).toMatchObject({
      discovery: null,
      'initial-advertise-peer-urls': null,
      'listen-peer-urls': null,
      'initial-cluster': null,
      proxy: null,
    });
  });

  it('speaks the v3 protocol to etcd 3.6, through variables that cloud-config has no keys for', () => {
    const [, member] = all(customDiscovery(TOKEN), cluster, V36);
    expect(kept(member?.etcd2 ?? null)).toEqual({});
    expect(member?.environment).toEqual({
      ETCD_DISCOVERY_TOKEN: TOKEN.token,
      ETCD_DISCOVERY_ENDPOINTS: 'http://172.17.8.101:2379',
    });
  });

  it('needs no node where an etcd elsewhere serves it', () => {
    const discovery = { ...TOKEN, path: 'a/b', endpoint: 'http://10.9.9.9:4001/' };
    const [first] = all(customDiscovery(discovery), clusterOf(3, 3));
    expect(first?.etcd2?.['discovery']).toBe(`http://10.9.9.9:4001/v2/keys/a/b/${TOKEN.token}`);
  });

  it.each([
    ['http://172.17.8.101:4001/v2/keys/discovery/t', true],
    ['http://172.17.8.101:2379/v2/keys/discovery/t/', true],
    ['http://172.17.8.102:2379/v2/keys/discovery/t', false],
    ['http://172.17.8.101:2379/v2/keys/discovery/u', false],
    ['<token>', false],
  ])('knows whether %s is its token', (present, same) => {
    const wanted = 'http://172.17.8.101:2379/v2/keys/discovery/t';
    expect(customDiscovery(TOKEN).same?.('discovery', present, wanted)).toBe(same);
  });
});

describe('workers', () => {
  const cluster = clusterOf(5, 3);
  const peers = 'core-01=http://172.17.8.101:2380,core-02=http://172.17.8.102:2380,core-03=http://172.17.8.103:2380';

  it.each([V34, V35, undefined])('are proxies of the members, told of them outright (etcd %p)', (version) => {
    for (const mode of [staticDiscovery, customDiscovery(TOKEN)]) {
      const instances = mode === staticDiscovery ? cluster : clusterOf(6, 3, true);
      const worker = memberSettings(mode, instances)(memberAt(instances, -1), version);
      expect(kept(worker.etcd2)).toMatchObject({ proxy: 'on' });
      expect(worker.etcd2).toMatchObject({ discovery: null, 'listen-peer-urls': null });
    }
    expect(kept(memberSettings(staticDiscovery, cluster)(memberAt(cluster, 4), version).etcd2)).toEqual({
      proxy: 'on',
      'initial-cluster': peers,
    });
  });

  it('run no etcd where it has no proxy any more', () => {
    expect(memberSettings(staticDiscovery, cluster)(memberAt(cluster, 3), V36)).toEqual({
      etcd2: null,
      transport: {},
      environment: {},
      files: {},
    });
  });
});

describe('static membership of a running cluster', () => {
  it('never lets a member found another one', () => {
    const [member] = all(staticMembership('core-01=http://a:2380'), clusterOf(1, 1));
    expect(kept(member?.etcd2 ?? null)).toEqual({
      'initial-cluster': 'core-01=http://a:2380',
      'initial-cluster-state': 'existing',
    });
  });
});
