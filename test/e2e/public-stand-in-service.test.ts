import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { seedPublic } from '../fixtures/seed.js';
import { bootBareHosts, type BareHosts } from './lab/hosts.js';
import { requireIsolation } from './lab/isolation.js';
import { startOwnEtcd, type OwnEtcd } from './lab/own-etcd.js';
import { TestProject } from './lab/project.js';
import type { ExecDocument, StatusDocument, UpDocument } from './lab/shapes.js';
import { StandInDiscoveryService } from './lab/stand-in-discovery-service.js';

interface TokenDocument {
  readonly url: string;
  readonly size: number;
  readonly registered: readonly { name: string }[];
  readonly missing: readonly string[];
  readonly foreign: readonly string[];
}

let etcd: OwnEtcd;
let service: StandInDiscoveryService;

beforeAll(async () => {
  requireIsolation();
  etcd = await startOwnEtcd();
  service = await StandInDiscoveryService.start(etcd.url);
});
afterAll(async () => {
  await service.stop();
  await etcd.stop();
});

describe("the chapter's public user-data, unmodified, with a stand-in discovery service in front of a real etcd", () => {
  let project: TestProject;

  beforeAll(async () => {
    project = await TestProject.create(
      `{ cluster_name: 'e2e-public', num_instances: 3, discovery: { mode: 'public', new_discovery_url: '${service.newUrl}' } }`,
      { 'user-data': seedPublic },
    );
  });
  afterAll(() => project.dispose());

  it('is refused a token that a member of its own has used up, and gets another by token new', async () => {
    expect((await project.coreup(['render'])).code).toBe(0);
    const { discovery } = JSON.parse(await readFile(`${project.directory}/.coreup/state.json`, 'utf8')) as {
      discovery: { url: string };
    };
    await service.register(discovery.url, 'f00', 'core-02=http://172.17.8.102:2380');
    const spent = await project.coreup(['up']);
    expect(spent.code).toBe(1);
    expect(spent.stderr).toMatch(/is spent: core-02/);
    const made = await project.json<TokenDocument>(['token', 'new']);
    expect(made).toMatchObject({ size: 3, exitCode: 0 });
    expect(made.url).not.toBe(discovery.url);
    expect(service.given).toEqual(['3', '3']);
  });

  it('becomes a cluster, also if up is run twice at once, with one token', async () => {
    const [one, two] = await Promise.all([project.coreup(['up']), project.coreup(['up'])]);
    expect([one.code, two.code].sort()).toEqual([0, 1]);
    expect((one.code === 1 ? one : two).stderr).toMatch(/up.*is running|locked/);
    expect(service.given).toEqual(['3', '3']);
  });

  it('is listed as the chapter prints it', async () => {
    const list = await project.coreup(['ssh', 'core-01', '--', 'ETCDCTL_API=2 etcdctl member list']);
    for (const index of [1, 2, 3]) {
      const urls = `peerURLs=http://172.17.8.10${index}:2380 clientURLs=http://172.17.8.10${index}:2379`;
      expect(list.stdout).toMatch(new RegExp(`^[0-9a-f]+: name=core-0${index} ${urls.replaceAll('.', '\\.')}`, 'm'));
    }
    const health = await project.coreup(['ssh', 'core-01', '--', 'ETCDCTL_API=2 etcdctl cluster-health']);
    expect(health.stdout).toMatch(/cluster is healthy/);
    expect(health.stdout.match(/member [0-9a-f]+ is healthy/g)).toHaveLength(3);
  });

  it('stays as it is on the next up, after a reboot of everything, and after one host was off', async () => {
    const before = await project.json<StatusDocument>(['status']);
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0 });
    expect((await project.coreup(['reload'])).code).toBe(0);
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0 });
    expect((await project.coreup(['halt', 'core-03'])).code).toBe(0);
    expect(await project.json<StatusDocument>(['status'])).toMatchObject({ healthy: false, exitCode: 1 });
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 1 });
    const after = await project.json<StatusDocument>(['status']);
    expect(after).toMatchObject({ healthy: true, etcd: { cluster_id: before.etcd.cluster_id } });
    expect(after.etcd.members.map(({ id }) => id)).toEqual(before.etcd.members.map(({ id }) => id));
    expect(service.given).toEqual(['3', '3']);
  });

  it('shows its token, and keeps it', async () => {
    const shown = await project.json<TokenDocument>(['token', 'show']);
    expect(shown).toMatchObject({ size: 3, missing: [], foreign: [] });
    expect(shown.registered.map(({ name }) => name).sort()).toEqual(['core-01', 'core-02', 'core-03']);
    const refused = await project.coreup(['token', 'new']);
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.stderr).toMatch(/the cluster is founded/);
    expect((await project.json<TokenDocument>(['token', 'show'])).url).toBe(shown.url);
    expect(service.given).toEqual(['3', '3']);
  });
});

describe('given tokens of a stand-in discovery service in front of a real etcd', () => {
  let hosts: BareHosts;
  let projects: TestProject[];

  const config = (url: string): string =>
    // Two projects would have two certificate authorities.
    `{ cluster_name: 'e2e-url', etcd: { tls: false }, discovery: { mode: 'public', url: '${url}' }, provider: ${hosts.providerConfig} }`;

  beforeAll(async () => {
    hosts = await bootBareHosts(3);
    projects = [await TestProject.create('{}'), await TestProject.create('{}')];
  });
  afterAll(async () => {
    await hosts.dispose();
  });

  it.each([
    ['another size', 5, [], /waits for 5 members; this cluster has 3/],
    [
      "another cluster's members",
      3,
      ['core-01=http://192.0.2.1:2380'],
      /is used by others: core-01 \(http:\/\/192\.0\.2\.1/,
    ],
    [
      'all its members, and not ours',
      3,
      ['a=http://192.0.2.1:2380', 'b=http://192.0.2.2:2380', 'c=http://192.0.2.3:2380'],
      /is used by others/,
    ],
  ] as const)('one with %s is refused before anything is changed', async (_what, size, values, message) => {
    const url = await service.token(size);
    for (const [index, value] of values.entries()) await service.register(url, `f0${index}`, value);
    const [project] = projects as [TestProject];
    await project.configure(config(url));
    const ended = await project.coreup(['up']);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(message);
    const left = await project.json<ExecDocument>([
      'exec',
      '--',
      'ls /var/lib/coreup /etc/systemd/system/etcd2.service',
    ]);
    expect(left.members.map(({ stdout }) => stdout)).toEqual(['', '', '']);
  });

  it('one that two projects use at once for the same hosts ends in one cluster', async () => {
    const url = await service.token(3);
    for (const project of projects) await project.configure(config(url));
    await Promise.all(projects.map((project) => project.coreup(['up'])));
    const [first, second] = projects as [TestProject, TestProject];
    expect(await first.json<UpDocument>(['up'])).toMatchObject({ ok: true, exitCode: 0 });
    expect(await second.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0, exitCode: 0 });
    const status = await second.json<StatusDocument>(['status']);
    expect(status).toMatchObject({ healthy: true });
    expect(status.etcd.members).toHaveLength(3);
  });
});
