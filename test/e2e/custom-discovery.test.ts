import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { seedCustom } from '../fixtures/seed.js';
import { requireIsolation } from './lab/isolation.js';
import { TestProject } from './lab/project.js';
import type { ExecDocument, StatusDocument, UpDocument } from './lab/shapes.js';
import { healthy } from './lab/wait.js';

/** Output of a command on one host. */
async function on(project: TestProject, name: string, command: string): Promise<string> {
  const { code, stdout, stderr } = await project.coreup(['ssh', name, '--', command]);
  if (code !== 0) throw new Error(`${command} on ${name} ended with ${code}: ${stdout}${stderr}`);
  return stdout;
}

/** When each host's etcd was last started, by name. */
async function startsOf(project: TestProject): Promise<Record<string, string>> {
  const command = ['exec', '--', 'systemctl show -p ExecMainStartTimestampMonotonic,MainPID etcd2.service'];
  const { members } = await project.json<ExecDocument>(command);
  return Object.fromEntries(members.map(({ name, stdout }) => [name, stdout]));
}

describe("the chapter's custom discovery, its user-data unmodified", () => {
  const TOKEN = '40134540-b53c-46b3-b34f-33b4f0ae3a9c';
  let project: TestProject;

  beforeAll(async () => {
    requireIsolation();
    project = await TestProject.create(
      `{ cluster_name: 'e2e-custom', num_instances: 3, discovery: { mode: 'custom' } }`,
      { 'user-data': seedCustom },
    );
  });
  afterAll(() => project.dispose());

  it('becomes a cluster of the other two, the size set without a person', async () => {
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, exitCode: 0 });
    const size = await on(
      project,
      'core-01',
      `curl -s http://172.17.8.101:4001/v2/keys/discovery/${TOKEN}/_config/size`,
    );
    expect(JSON.parse(size)).toMatchObject({ node: { value: '2' } });
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0 });
  });

  it('is listed by etcdctl as the chapter prints it', async () => {
    const list = await on(project, 'core-01', 'ETCDCTL_API=2 etcdctl --peers=http://172.17.8.102:4001 member list');
    const lines = list.trim().split('\n').sort();
    expect(lines).toHaveLength(2);
    for (const index of [2, 3]) {
      const urls = `peerURLs=http://172.17.8.10${index}:2380 clientURLs=http://172.17.8.10${index}:2379`;
      expect(list).toMatch(new RegExp(`^[0-9a-f]+: name=core-0${index} ${urls.replaceAll('.', '\\.')}`, 'm'));
    }
    expect(
      await on(project, 'core-01', 'ETCDCTL_API=2 etcdctl --peers=http://172.17.8.102:4001 cluster-health'),
    ).toMatch(/cluster is healthy/);
  });

  it('needs the discovery node no more, also after a reboot', async () => {
    expect((await project.coreup(['halt', 'core-01'])).code).toBe(0);
    expect((await project.coreup(['reload', 'core-02', 'core-03'])).code).toBe(0);
    await healthy(project);
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 1 });
  });

  it('recognises a member whose data is gone, and lets it found no second cluster', async () => {
    await on(project, 'core-03', 'sudo systemctl stop etcd2 && sudo rm -rf /var/lib/etcd2');
    const { code, stderr } = await project.coreup(['up']);
    expect(code).toBe(1);
    expect(stderr).toContain('core-03: has no etcd data, while other members have');
    expect(await on(project, 'core-03', 'systemctl is-active etcd2 || true')).toBe('inactive');
  });
});

describe('Debian 13: custom discovery with five members and a worker', () => {
  let project: TestProject;

  beforeAll(async () => {
    requireIsolation();
    project = await TestProject.create(
      `{ cluster_name: 'e2e-workers', num_instances: 7, discovery: { mode: 'custom' }, etcd: { members: 5, tls: false },
         provider: { kind: 'local', suite: 'trixie' } }`,
    );
  });
  afterAll(() => project.dispose());

  it('comes up; the worker reaches the cluster through its own proxy', async () => {
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, exitCode: 0 });
    const status = await project.json<StatusDocument>(['status']);
    expect(status).toMatchObject({ healthy: true });
    expect(status.etcd.members.map(({ name }) => name)).toEqual([
      'core-02',
      'core-03',
      'core-04',
      'core-05',
      'core-06',
    ]);
    const health = await on(
      project,
      'core-07',
      'ETCDCTL_API=2 etcdctl set /from worker && ETCDCTL_API=2 etcdctl cluster-health',
    );
    expect(health.match(/is healthy: got healthy result/g)).toHaveLength(5);
    expect(await on(project, 'core-03', 'ETCDCTL_API=2 etcdctl get /from')).toBe('worker');
  });

  it('is converted to static membership, without a restart', async () => {
    const before = await startsOf(project);
    const converted = await project.json<UpDocument>(['convert', '--to', 'static']);
    expect(converted).toMatchObject({ ok: true, exitCode: 0 });
    expect(converted.changes).toBeGreaterThan(0);
    expect(await startsOf(project)).toEqual(before);
    const settings = await on(project, 'core-04', 'cat /etc/systemd/system/etcd2.service.d/*.conf');
    expect(settings).not.toContain('DISCOVERY');
    expect(settings).toContain('core-06=http://172.17.8.106:2380');
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0 });
  });

  it('comes back by itself after all hosts reboot at once, the worker too', async () => {
    expect((await project.coreup(['reload'])).code).toBe(0);
    await healthy(project);
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0 });
    expect(await on(project, 'core-07', 'ETCDCTL_API=2 etcdctl get /from')).toBe('worker');
  });
});
