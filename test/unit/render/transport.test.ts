import { describe, expect, it } from '@jest/globals';
import { readUserData } from '../../../src/cloud-config/read-user-data.js';
import { staticDiscovery } from '../../../src/discovery/static.js';
import { OWN, PLAIN, TLS, transitions, type Transport } from '../../../src/etcd/transport.js';
import { etcdEnvironment } from '../../../src/plan/adapt.js';
import { chooseTransport, type TransportWishes } from '../../../src/render/transport.js';
import { renderUserData, type Base } from '../../../src/render/user-data.js';
import { seedCustom, seedStatic } from '../../fixtures/seed.js';
import { clusterOf } from './support.js';

const cloudConfig = (text: string): Base => ({ kind: 'cloud-config', file: 'user-data', text });
const template = (text: string): Base => ({ kind: 'template', file: 'user-data.hbs', text });
const WITHOUT_URLS = `#cloud-config
coreos:
  etcd2:
    heartbeat-interval: 200
  units:
    - name: etcd2.service
      command: start
`;
const OWN_CERTIFICATES = WITHOUT_URLS.replace('heartbeat-interval: 200', 'peer-cert-file: /mine.pem');

describe('what etcd is to speak', () => {
  const chosen = (wishes: Partial<TransportWishes>) =>
    chooseTransport({ asked: undefined, founded: undefined, base: undefined, overrides: {}, ...wishes });

  it.each<[string, Partial<TransportWishes>, ReturnType<typeof chooseTransport>]>([
    ['TLS by default', {}, { goal: TLS }],
    ['TLS with a user-data that has no URLs', { base: cloudConfig(WITHOUT_URLS) }, { goal: TLS }],
    ['what a user-data with http URLs says', { base: cloudConfig(seedStatic) }, { goal: PLAIN, plain: 'user-data' }],
    [
      'what a template with http URLs says',
      { base: template('  listen_client_urls: http://$private_ipv4:2379') },
      { goal: PLAIN, plain: 'user-data' },
    ],
    [
      'what config.ts says of URLs',
      { overrides: { 'listen-client-urls': 'http://0.0.0.0:2379' } },
      { goal: PLAIN, plain: 'user-data' },
    ],
    ['TLS for the seed, if asked', { asked: true, base: cloudConfig(seedStatic) }, { goal: TLS }],
    ['plain http, if asked', { asked: false }, { goal: PLAIN, plain: 'asked' }],
    ['what the cluster has been speaking', { founded: PLAIN }, { goal: PLAIN, plain: 'founded' }],
    ['TLS, once founded so, whatever user-data says', { founded: TLS, base: cloudConfig(seedStatic) }, { goal: TLS }],
    [
      'nothing of coreup’s with own certificates',
      { base: cloudConfig(OWN_CERTIFICATES) },
      { goal: OWN, plain: 'own-certificates' },
    ],
    [
      'TLS for a user-data that coreup has rendered once',
      { base: cloudConfig(WITHOUT_URLS.replace('heartbeat-interval: 200', 'cert-file: /etc/coreup/pki/server.pem')) },
      { goal: TLS },
    ],
    [
      'a conflict, where both are asked for',
      { asked: true, base: cloudConfig(OWN_CERTIFICATES) },
      { goal: TLS, conflict: 'peer-cert-file' },
    ],
  ])('is %s', (_what, wishes, expected) => {
    expect(chosen(wishes)).toEqual(expected);
  });
});

/** What etcd of member `position` is told, with the substitutions made. */
function told(base: Base, transport: Transport, position = 0, cluster = clusterOf(3)): Record<string, string> {
  const facts = { overrides: () => ({ etcd2: {}, fleet: {} }), etcdVersion: () => undefined, transport };
  const rendered = renderUserData(cluster, staticDiscovery, base, facts)[position];
  if (!rendered) throw new RangeError('no such member');
  const vars = { private_ipv4: rendered.member.privateIpv4, public_ipv4: rendered.member.publicIpv4 };
  const { state } = readUserData(
    { file: 'user-data-1', text: rendered.text },
    { vars, hostname: rendered.member.name },
  );
  return Object.fromEntries(etcdEnvironment(state));
}

describe('a user-data', () => {
  it('without URLs listens on the private network and the loopback interface, with TLS or without', () => {
    expect(told(cloudConfig(WITHOUT_URLS), PLAIN)).toMatchObject({
      ETCD_LISTEN_CLIENT_URLS: 'http://10.1.0.1:2379,http://127.0.0.1:2379',
      ETCD_LISTEN_PEER_URLS: 'http://10.1.0.1:2380',
    });
    const secure = told(cloudConfig(WITHOUT_URLS), TLS);
    expect(secure).toMatchObject({
      ETCD_LISTEN_CLIENT_URLS: 'https://10.1.0.1:2379,https://127.0.0.1:2379',
      ETCD_ADVERTISE_CLIENT_URLS: 'https://10.1.0.1:2379',
      ETCD_INITIAL_ADVERTISE_PEER_URLS: 'https://10.1.0.1:2380',
      ETCD_CLIENT_CERT_AUTH: 'true',
      ETCD_PEER_CLIENT_CERT_AUTH: 'true',
      ETCD_KEY_FILE: '/etc/coreup/pki/server.key',
    });
    expect(secure['ETCD_INITIAL_CLUSTER']).toContain('core-02=https://10.1.0.2:2380');
  });

  it('of the seed keeps its hosts and ports when it gets TLS', () => {
    expect(told(cloudConfig(seedStatic), TLS)).toMatchObject({
      ETCD_LISTEN_CLIENT_URLS: 'https://0.0.0.0:2379,https://0.0.0.0:4001',
      ETCD_LISTEN_PEER_URLS: 'https://10.1.0.1:2380,https://10.1.0.1:7001',
      ETCD_INITIAL_CLUSTER: 'core-01=https://10.1.0.1:2380,core-02=https://10.1.0.2:2380,core-03=https://10.1.0.3:2380',
    });
  });

  it('with https URLs gets http ones where TLS is off, and neither with certificates of its own', () => {
    const secure = WITHOUT_URLS.replace('heartbeat-interval: 200', 'listen-peer-urls: https://$private_ipv4:2380');
    expect(told(cloudConfig(secure), PLAIN)).toMatchObject({ ETCD_LISTEN_PEER_URLS: 'http://10.1.0.1:2380' });
    const own = told(cloudConfig(secure), OWN);
    expect(own).toMatchObject({ ETCD_LISTEN_PEER_URLS: 'https://10.1.0.1:2380' });
    expect(own).not.toHaveProperty('ETCD_LISTEN_CLIENT_URLS');
    expect(own).not.toHaveProperty('ETCD_CERT_FILE');
  });

  it('speaks both to clients, and one to peers, while it changes', () => {
    const { opened, moved } = transitions(TLS);
    expect(told(cloudConfig(WITHOUT_URLS), opened)).toMatchObject({
      ETCD_LISTEN_CLIENT_URLS:
        'https://10.1.0.1:2379,https://127.0.0.1:2379,http://10.1.0.1:2379,http://127.0.0.1:2379',
      ETCD_ADVERTISE_CLIENT_URLS: 'https://10.1.0.1:2379,http://10.1.0.1:2379',
      ETCD_LISTEN_PEER_URLS: 'http://10.1.0.1:2380',
      ETCD_CERT_FILE: '/etc/coreup/pki/server.pem',
    });
    expect(told(cloudConfig(WITHOUT_URLS), moved)).toMatchObject({
      ETCD_ADVERTISE_CLIENT_URLS: 'https://10.1.0.1:2379,http://10.1.0.1:2379',
      ETCD_LISTEN_PEER_URLS: 'https://10.1.0.1:2380',
    });
    expect(told(cloudConfig(WITHOUT_URLS), transitions(PLAIN).opened)).toMatchObject({
      ETCD_ADVERTISE_CLIENT_URLS: 'http://10.1.0.1:2379,https://10.1.0.1:2379',
      ETCD_LISTEN_PEER_URLS: 'https://10.1.0.1:2380',
    });
  });

  it('of a worker lets only its own host in, with a certificate', () => {
    expect(told(cloudConfig(WITHOUT_URLS), TLS, 2, clusterOf(3, {}, 2))).toMatchObject({
      ETCD_PROXY: 'on',
      ETCD_LISTEN_CLIENT_URLS: 'https://127.0.0.1:2379',
      ETCD_CLIENT_CERT_AUTH: 'true',
      ETCD_PEER_CERT_FILE: '/etc/coreup/pki/peer.pem',
      ETCD_INITIAL_CLUSTER: 'core-01=https://10.1.0.1:2380,core-02=https://10.1.0.2:2380',
    });
  });

  it.each([
    ['to TLS', TLS, 'http'],
    ['from TLS', PLAIN, 'https'],
  ] as const)(
    'of a worker stays what it was on the way %s: a proxy cannot serve two schemes at one address',
    (_, to, as) => {
      const { opened, moved } = transitions(to);
      for (const stage of [opened, moved]) {
        const worker = told(cloudConfig(WITHOUT_URLS), stage, 2, clusterOf(3, {}, 2));
        expect(worker).toMatchObject({ ETCD_PROXY: 'on', ETCD_LISTEN_CLIENT_URLS: `${as}://127.0.0.1:2379` });
        expect('ETCD_CERT_FILE' in worker).toBe(as === 'https');
      }
    },
  );

  it('of the node that serves discovery stays plain: v2 discovery knows no authority of one’s own', () => {
    const cluster = clusterOf(3);
    const [first, ...others] = cluster.members;
    if (!first) throw new RangeError('no member');
    const withNode = { ...cluster, members: [{ ...first, role: 'discovery' as const }, ...others] };
    const node = told(cloudConfig(seedCustom), TLS, 0, withNode);
    expect(node).toMatchObject({ ETCD_LISTEN_CLIENT_URLS: 'http://10.1.0.1:2379,http://10.1.0.1:4001' });
    expect(node).not.toHaveProperty('ETCD_CERT_FILE');
  });

  it('takes fleet along where it asks this host’s etcd, and nowhere else', () => {
    const fleet = (servers: string) => {
      const base = cloudConfig(`${WITHOUT_URLS}  fleet:\n    etcd-servers: ${servers}\n`);
      const facts = { overrides: () => ({ etcd2: {}, fleet: {} }), etcdVersion: () => undefined, transport: TLS };
      return /etcd-servers: (.*)/.exec(renderUserData(clusterOf(1), staticDiscovery, base, facts)[0]?.text ?? '')?.[1];
    };
    expect(fleet('http://127.0.0.1:2379,http://$private_ipv4:2379')).toBe(
      'https://127.0.0.1:2379,https://$private_ipv4:2379',
    );
    expect(fleet('http://etcd.example.com:2379')).toBe('http://etcd.example.com:2379');
  });
});
