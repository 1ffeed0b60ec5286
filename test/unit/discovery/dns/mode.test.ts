import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { readUserData } from '../../../../src/cloud-config/read-user-data.js';
import type { Cluster } from '../../../../src/cluster/types.js';
import { dnsDiscovery, settledDns, type DnsDiscovery } from '../../../../src/discovery/dns.js';
import type { DiscoveryMode } from '../../../../src/discovery/mode.js';
import { parseEtcdVersion } from '../../../../src/etcd/version.js';
import { checkUserData } from '../../../../src/render/check.js';
import { etcdEnvironment } from '../../../../src/plan/adapt.js';
import { renderUserData, type Base } from '../../../../src/render/user-data.js';
import { clusterOf } from '../../render/support.js';

const PLAIN: DnsDiscovery = { domain: 'testdomain.com', peerAutoTls: false };
const MANAGED: DnsDiscovery = { ...PLAIN, nameserver: '10.1.0.254', peerAutoTls: true };
const template = (name: string) => readFileSync(new URL(`../../../../templates/${name}.hbs`, import.meta.url), 'utf8');
const BUILT_IN: Base = {
  kind: 'template',
  file: 'templates/dns.hbs',
  text: template('dns'),
  roles: { worker: { file: 'templates/worker.hbs', text: template('worker') } },
};
const OWN = `#cloud-config
coreos:
  etcd2:
    discovery-srv: TestDomain.com.
    advertise-client-urls: http://$public_ipv4:2379
    initial-advertise-peer-urls: http://$private_ipv4:2380
    listen-client-urls: http://0.0.0.0:2379,http://0.0.0.0:4001
    listen-peer-urls: http://$private_ipv4:2380,http://$private_ipv4:7001
  units:
    - name: etcd2.service
      command: start
write_files:
  - path: "/etc/resolv.conf"
    permissions: "0644"
    content: |
      nameserver 172.17.8.111
`;

function render(mode: DiscoveryMode, base: Base, cluster: Cluster = clusterOf(3)) {
  const facts = { overrides: () => ({ etcd2: {}, fleet: {} }), etcdVersion: () => parseEtcdVersion('3.5.16') };
  return renderUserData(cluster, mode, base, facts).map(({ member, fileName, text }) => {
    const vars = { private_ipv4: member.privateIpv4, public_ipv4: member.publicIpv4 };
    const { state } = readUserData({ file: fileName, text }, { vars, hostname: member.name });
    const resolvConf = state.files.filter(({ path }) => path === '/etc/resolv.conf');
    return {
      member,
      text,
      state,
      environment: Object.fromEntries(etcdEnvironment(state)),
      resolvConf: resolvConf.map(({ content }) => Buffer.from(content).toString()),
    };
  });
}

describe('DNS discovery', () => {
  it('tells members the domain and no more', () => {
    const [first] = render(dnsDiscovery(PLAIN), BUILT_IN);
    expect(first?.environment).toEqual({
      ETCD_NAME: 'core-01',
      ETCD_DISCOVERY_SRV: 'testdomain.com',
      ETCD_ADVERTISE_CLIENT_URLS: 'http://10.1.0.1:2379',
      ETCD_INITIAL_ADVERTISE_PEER_URLS: 'http://10.1.0.1:2380',
      ETCD_LISTEN_CLIENT_URLS: 'http://10.1.0.1:2379,http://127.0.0.1:2379',
      ETCD_LISTEN_PEER_URLS: 'http://10.1.0.1:2380',
      ETCD_INITIAL_CLUSTER_TOKEN: 'cellar',
      ETCD_INITIAL_CLUSTER_STATE: 'new',
    });
    expect(first?.resolvConf).toEqual([]);
  });

  it('gives every instance the name server, and lets peers speak TLS', () => {
    const all = render(dnsDiscovery(MANAGED), BUILT_IN, clusterOf(4, {}, 3));
    expect(all.map(({ resolvConf }) => resolvConf)).toEqual(Array(4).fill(['nameserver 10.1.0.254\n']));
    for (const { environment } of all) expect(environment).toMatchObject({ ETCD_PEER_AUTO_TLS: 'true' });
    expect(all[1]?.environment).toMatchObject({
      ETCD_INITIAL_ADVERTISE_PEER_URLS: 'https://10.1.0.2:2380',
      ETCD_LISTEN_PEER_URLS: 'https://10.1.0.2:2380',
      ETCD_ADVERTISE_CLIENT_URLS: 'http://10.1.0.2:2379',
    });
    expect(all[3]?.environment).toMatchObject({
      ETCD_PROXY: 'on',
      ETCD_INITIAL_CLUSTER: 'core-01=https://10.1.0.1:2380,core-02=https://10.1.0.2:2380,core-03=https://10.1.0.3:2380',
    });
    expect(all[3]?.environment).not.toHaveProperty('ETCD_DISCOVERY_SRV');
  });

  it("keeps what a user's own cloud-config says, resolv.conf included", () => {
    const base: Base = { kind: 'cloud-config', file: 'user-data', text: OWN };
    const [first] = render(dnsDiscovery({ ...PLAIN, nameserver: '10.1.0.254' }), base);
    expect(first?.text).toBe(
      OWN.replace('  etcd2:\n', '  etcd2:\n').replace(/(listen-peer-urls: .*\n)/, '$1    name: core-01\n'),
    );
    expect(first?.resolvConf).toEqual(['nameserver 172.17.8.111\n']);
  });

  it('adds resolv.conf to files that are there, and changes the URLs of peers where they must speak TLS', () => {
    const text = OWN.replace('"/etc/resolv.conf"', '/etc/motd');
    const [first] = render(dnsDiscovery(MANAGED), { kind: 'cloud-config', file: 'user-data', text });
    expect(first?.resolvConf).toEqual(['nameserver 10.1.0.254\n']);
    expect(first?.state.files.map(({ path }) => path)).toContain('/etc/motd');
    expect(first?.environment).toMatchObject({
      ETCD_DISCOVERY_SRV: 'TestDomain.com.',
      ETCD_INITIAL_ADVERTISE_PEER_URLS: 'https://10.1.0.1:2380',
      ETCD_LISTEN_PEER_URLS: 'https://10.1.0.1:2380',
    });
  });

  it('leaves the names and the TLS in place once the membership is settled', () => {
    const membership = [1, 2, 3].map((index) => `core-0${index}=https://core-0${index}.testdomain.com:2380`).join(',');
    const [first] = render(settledDns(MANAGED, membership), BUILT_IN);
    expect(first?.environment).toMatchObject({
      ETCD_INITIAL_CLUSTER: membership,
      ETCD_INITIAL_ADVERTISE_PEER_URLS: 'https://10.1.0.1:2380',
      ETCD_PEER_AUTO_TLS: 'true',
    });
    expect(first?.environment).not.toHaveProperty('ETCD_DISCOVERY_SRV');
    expect(first?.resolvConf).toEqual(['nameserver 10.1.0.254\n']);
  });

  it('is refused where the etcd of the host cannot do it', () => {
    const check = (discovery: DnsDiscovery, version?: string) => {
      const cluster = clusterOf(3);
      for (const { member, state } of render(dnsDiscovery(discovery), BUILT_IN)) {
        const etcd = version === undefined ? undefined : parseEtcdVersion(version);
        checkUserData({ member, cluster, desired: state, file: 'user-data-1', etcd });
      }
    };
    expect(() => check(PLAIN, '3.4.23')).toThrow(
      'user-data-1 (core-01): etcd 3.4.23 finds no members by SRV records for plain http',
    );
    check(PLAIN, '3.5.16');
    check(PLAIN);
    check(MANAGED, '3.4.23');
  });
});
