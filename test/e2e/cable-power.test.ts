import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execa } from 'execa';
import { Store, type HostPaths } from '../../src/providers/local/store.js';
import { requireIsolation } from './lab/isolation.js';
import { at } from './lab/moments.js';
import { TestProject } from './lab/project.js';
import type { ExecDocument, UpDocument } from './lab/shapes.js';

const config = (snapshots: number): string =>
  `{ cluster_name: 'e2e-cable', num_instances: 3, etcd: { snapshot_count: ${snapshots} } }`;

describe('up while a host goes away', () => {
  let project: TestProject;
  let core02: HostPaths;

  /** With which setting each member's etcd runs, of those that can be asked. */
  async function running(...names: string[]): Promise<readonly string[]> {
    const look = 'sudo cat /proc/$(pidof etcd)/environ | tr "\\0" "\\n" | grep SNAPSHOT_COUNT';
    const { members } = await project.json<ExecDocument>([
      'exec',
      ...names.flatMap((name) => ['--on', name]),
      '--',
      look,
    ]);
    return members.map(({ name, stdout }) => `${name} ${stdout.trim().replace('ETCD_SNAPSHOT_COUNT=', '')}`);
  }

  async function expectServes(): Promise<void> {
    const { code, stdout, stderr } = await project.coreup(['etcdctl', '--', 'put', 'still', 'here']);
    expect({ code, stdout, stderr }).toMatchObject({ code: 0, stdout: 'OK' });
  }

  beforeAll(async () => {
    requireIsolation();
    project = await TestProject.create(config(5000));
    core02 = new Store('e2e-cable', project.dataDir).host('core-02');
  });
  afterAll(() => project.dispose());

  it('by a power loss while the cluster is founded: it is named, and the next up makes the cluster whole', async () => {
    const moment = { line: 'step core-02 unit-command start etcd2.service', nth: 1 };
    const { code, stderr } = await project.coreup(['up'], {
      env: at([moment], `echo 1 >${core02.cgroup}/cgroup.kill`),
    });
    expect({ code, stderr }).toMatchObject({ code: 1 });
    expect(stderr).toMatch(/^Error: the cloud-config could not be applied on: core-02$/m);
    expect(stderr).toMatch(/^core-02: .+ was cut off: ./m);
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, exitCode: 0 });
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0 });
  });

  it('by a cable that is pulled in a rolling change: it stops there, the others serve, the rest comes with the cable', async () => {
    await project.configure(config(6000));
    const moment = { line: 'step core-02 unit-command restart etcd2.service', nth: 1 };
    const pulled = at([moment], `ip link set ${core02.link} down`);
    const { code, stderr } = await project.coreup(['up'], { env: pulled });
    expect({ code, stderr }).toMatchObject({ code: 1 });
    expect(stderr).toMatch(/^Error: the change stopped at: core-02$/m);
    // The restart itself is cut off, or the question after it whether the member is healthy.
    expect(stderr).toMatch(/^core-02: .*(was cut off: .*nothing was heard for|a command did not finish within) \d+ s/m);
    await expectServes();
    expect(await running('core-01', 'core-03')).toEqual(['core-01 6000', 'core-03 5000']);
    await execa('ip', ['link', 'set', core02.link, 'up']);
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, exitCode: 0 });
    expect(await running()).toEqual(['core-01 6000', 'core-02 6000', 'core-03 6000']);
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0 });
  });

  it('by a power loss in a rolling change, after its restart: the same', async () => {
    await project.configure(config(7000));
    const moment = { line: 'stepped core-02', nth: 1 };
    const { code, stderr } = await project.coreup(['up'], {
      env: at([moment], `echo 1 >${core02.cgroup}/cgroup.kill`),
    });
    expect({ code, stderr }).toMatchObject({ code: 1 });
    expect(stderr).toMatch(/^Error: the change stopped at: core-02$/m);
    await expectServes();
    expect(await running('core-01', 'core-03')).toEqual(['core-01 7000', 'core-03 6000']);
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, exitCode: 0 });
    expect(await running()).toEqual(['core-01 7000', 'core-02 7000', 'core-03 7000']);
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0 });
  });
});
