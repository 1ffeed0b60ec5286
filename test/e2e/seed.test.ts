import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { requireIsolation } from './lab/isolation.js';
import { TestProject } from './lab/project.js';
import { healthy } from './lab/wait.js';
import { seedStatic } from '../fixtures/seed.js';
import type { ExecDocument, StatusDocument, UpDocument } from './lab/shapes.js';

/** The static discovery of the CoreOS chapter, its user-data as printed, on hosts that have no etcd2.service. */
describe("the chapter's static user-data, unmodified", () => {
  let project: TestProject;

  beforeAll(async () => {
    requireIsolation();
    project = await TestProject.create(`{ cluster_name: 'e2e-seed', num_instances: 3 }`, { 'user-data': seedStatic });
  });
  afterAll(() => project.dispose());

  it('becomes a cluster', async () => {
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, exitCode: 0 });
  });

  it('is listed by etcdctl as the chapter prints it', async () => {
    const list = await project.coreup(['ssh', 'core-01', '--', 'ETCDCTL_API=2 etcdctl member list']);
    for (const index of [1, 2, 3]) {
      const urls = `peerURLs=http://172.17.8.10${index}:2380 clientURLs=http://172.17.8.10${index}:2379`;
      expect(list.stdout).toMatch(new RegExp(`^[0-9a-f]+: name=core-0${index} ${urls.replaceAll('.', '\\.')}`, 'm'));
    }
    const health = await project.coreup(['ssh', 'core-01', '--', 'ETCDCTL_API=2 etcdctl cluster-health']);
    expect(health.stdout).toMatch(/cluster is healthy/);
  });

  it('serves the v2 API on the old port, too', async () => {
    const answer = await project.coreup([
      'ssh',
      'core-02',
      '--',
      'curl -s http://127.0.0.1:4001/v2/keys/x -XPUT -d value=1',
    ]);
    expect(answer.stdout).toContain('"action":"set"');
  });

  it('comes back by itself after all hosts reboot at once, with its data', async () => {
    const boots = await bootIds(project);
    expect((await project.coreup(['reload'])).code).toBe(0);
    await healthy(project);
    const after = await bootIds(project);
    for (const [name, id] of Object.entries(after)) expect(id).not.toBe(boots[name]);
    const answer = await project.coreup(['ssh', 'core-03', '--', 'curl -s http://127.0.0.1:2379/v2/keys/x']);
    expect(answer.stdout).toContain('"value":"1"');
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0 });
  });

  it('comes back after a halt', async () => {
    expect((await project.coreup(['halt'])).code).toBe(0);
    expect(await project.json<StatusDocument>(['status'])).toMatchObject({ healthy: false });
    const up = await project.json<UpDocument>(['up']);
    expect(up).toMatchObject({ ok: true, changes: 3, exitCode: 0 });
  });
});

async function bootIds(project: TestProject): Promise<Record<string, string>> {
  const document = await project.json<ExecDocument>([
    'exec',
    '--',
    'stat -c %Y.%Z /run/systemd/system; cat /proc/1/stat | cut -d" " -f22',
  ]);
  return Object.fromEntries(document.members.map(({ name, stdout }) => [name, stdout]));
}
