import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import type { CertsReport } from '../../src/actions/certs.js';
import { quote } from '../../src/util/shell.js';
import { bootBareHosts, type BareHosts } from './lab/hosts.js';
import { requireIsolation } from './lab/isolation.js';
import { withEtcd } from './lab/member-settings.js';
import { TestProject } from './lab/project.js';
import type { StatusDocument, UpDocument } from './lab/shapes.js';

const DROPINS = '/run/systemd/network/10-coreup.network.d';
const address = (index: number): string => `fd00:c0::10${index}`;

/** Members that tell each other and their clients IPv6 addresses. */
const USER_DATA = `#cloud-config
hostname: {{member.name}}
coreos:
  etcd2:
    name: {{member.name}}
    initial-cluster: {{#each cluster.members}}{{name}}=https://[fd00:c0::10{{index}}]:2380{{#unless @last}},{{/unless}}{{/each}}
    advertise-client-urls: https://[fd00:c0::10{{member.index}}]:2379
    initial-advertise-peer-urls: https://[fd00:c0::10{{member.index}}]:2380
    listen-client-urls: https://[::]:2379
    listen-peer-urls: https://[fd00:c0::10{{member.index}}]:2380
  units:
    - name: etcd2.service
      command: start
      enable: true
`;

describe.each([
  ['Debian 12', 'bookworm'],
  ['Debian 13', 'trixie'],
] as const)('%s hosts that are reached over IPv6', (_, suite) => {
  let hosts: BareHosts;
  let project: TestProject;
  const config = (more: (index: number) => object = () => ({})): string => {
    const list = hosts.hosts.map((host, at) => ({ ...host, address: address(at + 1), ...more(at + 1) }));
    return `{ cluster_name: 'e2e-ipv6', provider: { kind: 'ssh', hosts: ${JSON.stringify(list)} }, ssh: { config_file: false } }`;
  };
  const pki = (name: string) => join(project.directory, '.coreup', 'pki', name);

  beforeAll(async () => {
    requireIsolation();
    hosts = await bootBareHosts(3, suite);
    await execa('ip', ['address', 'add', 'fd00:c0::1/64', 'dev', hosts.store.bridge, 'nodad']);
    // By each host's own networkd, which takes away what others set; with the login over IPv4 that it has.
    const setup = await TestProject.create(`{ cluster_name: 'setup', provider: ${hosts.providerConfig} }`);
    for (const [at, { name }] of hosts.cluster.members.entries()) {
      const script = `mkdir -p ${DROPINS} && cat >${DROPINS}/more.conf && networkctl reload`;
      const input = `[Address]\nAddress=${address(at + 1)}/64\nDuplicateAddressDetection=none\n`;
      const { code, stderr } = await setup.coreup(['ssh', name, '--', `sudo sh -c ${quote(script)}`], { input });
      if (code !== 0) throw new Error(stderr);
    }
    project = await TestProject.create(config());
  });
  afterAll(() => hosts.dispose());

  it('are refused with an IPv6 address as private_ipv4, with the key and its line', async () => {
    await project.configure(config((index) => ({ private_ipv4: address(index) })));
    const { code, stderr } = await project.coreup(['up', '--yes']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/config\.ts:\d+:\d+.*provider\.hosts\[0\]\.private_ipv4.*\n?.*IPv4 address/);
  });

  it('are refused with $private_ipv6 in the user-data, which nothing gives a value', async () => {
    await project.configure(config());
    const path = join(project.directory, 'user-data');
    await writeFile(path, withEtcd('#cloud-config\nwrite_files:\n  - path: /etc/x\n    content: $private_ipv6\n'));
    const { code, stderr } = await project.coreup(['up', '--yes']);
    expect(code).not.toBe(0);
    expect(stderr).toContain('$private_ipv6');
  });

  it('become a cluster whose members and clients use IPv6, with the addresses in the certificates', async () => {
    await execa('rm', [join(project.directory, 'user-data')]);
    await writeFile(join(project.directory, 'user-data.hbs'), USER_DATA);
    const { code, stderr } = await project.coreup(['up', '--yes']);
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    const status = await project.json<StatusDocument>(['status']);
    expect(status.healthy).toBe(true);
    expect(status.etcd.members.map(({ peer_urls, client_urls }) => [...peer_urls, ...client_urls])).toEqual(
      [1, 2, 3].map((index) => [`https://[${address(index)}]:2380`, `https://[${address(index)}]:2379`]),
    );
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0 });
    const { certificates } = await project.json<CertsReport>(['certs']);
    for (const [at, { name }] of hosts.cluster.members.entries()) {
      const own = certificates.filter(({ member, kind }) => member === name && kind !== 'client');
      expect(own).toHaveLength(2);
      for (const { names } of own) expect(names).toEqual(expect.arrayContaining([address(at + 1), '::1']));
    }
    // curl checks the address that it asks against the certificate.
    const ask = (...words: readonly string[]) =>
      execa('curl', ['-sS', '-m', '10', '--cacert', pki('ca.pem'), ...words, `https://[${address(2)}]:2379/version`], {
        reject: false,
      });
    const own = await ask('--cert', pki('coreup.pem'), '--key', pki('coreup.pem'));
    expect(own.stdout).toContain('etcdserver');
    expect((await ask()).stdout).toBe('');
  });
});
