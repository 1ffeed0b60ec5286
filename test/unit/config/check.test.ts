import { describe, expect, it } from '@jest/globals';
import { checkConfig } from '../../../src/config/check.js';
import { formatPath } from '../../../src/config/key-path.js';

const messages = (config: unknown): string[] => checkConfig(config).issues.map((issue) => issue.message);
const ssh = (hosts: object[], more: object = {}): object => ({ provider: { kind: 'ssh', hosts }, ...more });

describe('wrong values', () => {
  it.each<[unknown, string]>([
    [
      { cluster_name: 'My Cluster' },
      'cluster_name is "My Cluster" (text); it must be lower-case letters, digits and inner hyphens',
    ],
    [{ cluster_name: 'x'.repeat(41) }, 'cluster_name is "xxx'],
    [
      { discovery: { mode: 'publik' } },
      "discovery.mode is \"publik\" (text); it must be 'static', 'public', 'custom', 'dns' or 'ephemeral'; did you mean 'public'?",
    ],
    [{ discovery: 'static' }, 'discovery is "static" (text); it must be an object with mode: \'static\', '],
    [{ discovery: { mode: 'dns' } }, 'discovery.domain is missing; it must be a domain name'],
    [{ etcd: { proxy: 'maybe' } }, "etcd.proxy is \"maybe\" (text); it must be 'on', 'off' or 'readonly'"],
    [{ etcd: { data_dir: 'a\nb' } }, 'etcd.data_dir is "a\\nb" (text); it must be text on one line'],
    [{ etcd: { source: 3 } }, "etcd.source is 3; it must be 'system', 'package', an object { url, sha256? } or a path"],
    [{ fleet: { enabled: 'yes' } }, 'fleet.enabled is "yes" (text); it must be \'auto\', true or false'],
    [
      { fleet: { source: { url: 'x', sha256: '0'.repeat(64) } } },
      'fleet.source.url is "x" (text); it must be an http or https URL',
    ],
    [{ fleet: { metadata: { 'core-01': { disk: 3 } } } }, 'fleet.metadata.core-01.disk is 3; it must be text without'],
    [
      { fleet: { metadata: { 'core-01': { 'a b': '' } } } },
      'fleet.metadata.core-01["a b"]: the key must be text without blanks, "=" and ","',
    ],
    [{ services: [3] }, 'services[0] is 3; it must be an object { unit, instances?, state?, vars? }'],
    [{ provider: { kind: 'vagrant' } }, "provider.kind is \"vagrant\" (text); it must be 'local' or 'ssh'"],
    [
      { provider: { kind: 'local', subnet: '172.17.8.0' } },
      'provider.subnet is "172.17.8.0" (text); it must be an IPv4 network',
    ],
    [ssh([]), 'provider.hosts is a list []; it must be a list of objects { name?, address, '],
    [
      ssh([{ address: '10.0.0.300' }]),
      'provider.hosts[0].address is "10.0.0.300" (text); it must be an IP address or a host name',
    ],
    [ssh([{ address: 'a b' }]), 'provider.hosts[0].address is "a b" (text)'],
    [ssh([{ address: '-oProxyCommand=x' }]), 'provider.hosts[0].address is "-oProxyCommand=x" (text)'],
    [{ ssh: null }, 'ssh is null; it must be an object { accept_new?, config_file?, connect_timeout? }'],
    [{ ssh: () => 1 }, 'ssh is a function; it must be'],
    [
      { ssh: { connect_timeout: 10n } },
      'ssh.connect_timeout is 10n (a bigint); it must be a whole number from 1 to 3600',
    ],
  ])('%j', (config, message) => {
    expect(messages(config)).toEqual([expect.stringContaining(message)]);
  });

  it('shortens what is long', () => {
    expect(messages({ ssh: 'x'.repeat(500) })[0]?.length).toBeLessThan(200);
  });

  it('survives values that refer to themselves', () => {
    const loop: Record<string, unknown> = {};
    loop['self'] = loop;
    expect(messages({ cluster_name: loop })).toEqual([
      expect.stringContaining('cluster_name is an object; it must be'),
    ]);
  });
});

describe('rules between keys', () => {
  it.each<[unknown, string]>([
    [ssh([{ address: 'a' }], { num_instances: 3 }), 'num_instances is 3, but provider.hosts lists 1'],
    [
      ssh([{ address: 'a' }, { address: 'A' }, { address: 'c' }]),
      'provider.hosts[1].address: hosts 1 and 2 have the same address, A port 22',
    ],
    [
      ssh([{ address: 'a', name: 'core-02' }, { address: 'b' }, { address: 'c' }]),
      'provider.hosts[1].name: hosts 1 and 2 have the same name, core-02',
    ],
    [
      ssh([{ address: 'a', private_ipv4: '10.0.0.1' }, { address: 'b', private_ipv4: '10.0.0.1' }, { address: 'c' }]),
      'hosts 1 and 2 have the same private address',
    ],
    [{ fleet: { metadata: { web: {} } } }, 'fleet.metadata.web: there is no member web; the members are core-01'],
    [{ etcd: { election_timeout: 200 } }, 'etcd.election_timeout: etcd refuses an election timeout (200 ms)'],
    [{ etcd: { heartbeat_interval: 500 } }, 'etcd.heartbeat_interval: etcd refuses an election timeout (1000 ms)'],
    [
      { num_instances: 1, discovery: { mode: 'custom' } },
      'num_instances is 1, but mode "custom" takes the first instance for discovery; it must be 2 at least',
    ],
    [
      { num_instances: 3, discovery: { mode: 'custom' }, etcd: { members: 3 } },
      'etcd.members is 3, but only 2 of the 3 instances can be members, since the first one serves discovery; it must',
    ],
    [
      {
        discovery: { mode: 'dns', domain: 'a.com', managed: true },
        provider: { kind: 'ssh', hosts: [{ address: '10.0.0.1' }] },
      },
      "discovery.managed: on machines that exist coreup needs to know which one serves the records; write managed: { address: '…' }",
    ],
    [
      { discovery: { mode: 'dns', domain: 'a.com', managed: true, nameserver: '10.0.0.1' } },
      'with managed: true the members ask the address of their bridge; leave nameserver out',
    ],
    [
      { discovery: { mode: 'dns', domain: 'a.com', managed: { address: 'ns.example.com' } } },
      'discovery.managed.address: members cannot ask a name server at ns.example.com; add discovery.nameserver',
    ],
    [
      { discovery: { mode: 'dns', domain: 'a.com', managed: { address: '127.0.0.1' } } },
      'members cannot ask a name server at 127.0.0.1',
    ],
  ])('%j', (config, message) => {
    expect(messages(config)).toEqual([expect.stringContaining(message)]);
    expect(checkConfig(config).config).toBeUndefined();
  });

  it('take two ports of one address for two hosts', () => {
    const hosts = [22, 2222, 2223].map((port) => ({ address: '127.0.0.1', port }));
    expect(messages(ssh(hosts))).toEqual([]);
  });

  it('do not guess at a number of instances that is wrong', () => {
    expect(messages({ num_instances: 0, etcd: { members: 3 } })).toHaveLength(1);
  });

  it('point at keys that are there', () => {
    const [issue] = checkConfig(ssh([{ address: 'a' }, { address: 'b', name: 'core-01' }, { address: 'c' }])).issues;
    expect(formatPath(issue?.path ?? [])).toBe('provider.hosts[1].name');
    const [other] = checkConfig(ssh([{ address: 'a', name: 'core-02' }, { address: 'b' }, { address: 'c' }])).issues;
    expect(formatPath(other?.path ?? [])).toBe('provider.hosts[1]');
  });
});
