import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bootBareHosts, type BareHosts } from './lab/hosts.js';
import { requireIsolation } from './lab/isolation.js';
import { TestProject } from './lab/project.js';
import type { ExecDocument, UpDocument } from './lab/shapes.js';

/** Machines that coreup did not make, one of them off. */
describe('a host that is powered off before up', () => {
  let hosts: BareHosts;
  let project: TestProject;

  beforeAll(async () => {
    requireIsolation();
    hosts = await bootBareHosts(3);
    project = await TestProject.create(
      `{ cluster_name: 'e2e-off', provider: ${hosts.providerConfig}, ssh: { connect_timeout: 4 } }`,
    );
  });
  afterAll(async () => {
    await hosts.dispose();
  });

  it('is named, the exit code is 1, and the others are untouched', async () => {
    await hosts.powerOff('core-02');
    const failed = await project.json<UpDocument>(['up']);
    expect(failed).toMatchObject({ ok: false, changes: 0, exitCode: 1 });
    expect(failed.members.map(({ name, ok }) => [name, ok])).toEqual([
      ['core-01', true],
      ['core-02', false],
      ['core-03', true],
    ]);
    const left = await project.json<ExecDocument>([
      'exec', '--on', 'core-01', '--on', 'core-03', '--',
      'ls -d /var/lib/coreup /etc/systemd/system/etcd2.service /var/lib/etcd2 2>/dev/null; pidof etcd; true',
    ]); // prettier-ignore
    expect(left.members.map(({ stdout }) => stdout)).toEqual(['', '']);
  });

  it('joins when it is on again', async () => {
    await hosts.powerOn();
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, exitCode: 0 });
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0 });
  });

  it('refuses to stop or remove machines that are not its own', async () => {
    for (const command of [['halt'], ['destroy', 'core-01', '--yes']]) {
      const { code, stderr } = await project.coreup(command);
      expect(code).toBe(1);
      expect(stderr).toContain('machines that it did not make');
    }
  });

  it('refuses a second cluster on the same hosts', async () => {
    const other = await TestProject.create(
      `{ cluster_name: 'e2e-other', provider: ${hosts.providerConfig}, ssh: { connect_timeout: 4 } }`,
    );
    const { code, stderr } = await other.coreup(['up']);
    expect(code).toBe(1);
    expect(stderr).toContain('belongs to the cluster e2e-off');
  });

  it('does not let a member whose data is gone start a second cluster', async () => {
    const wipe = 'sudo systemctl stop etcd2 && sudo rm -rf /var/lib/etcd2/member';
    expect((await project.coreup(['ssh', 'core-03', '--', wipe])).code).toBe(0);
    const { code, stderr } = await project.coreup(['up']);
    expect(code).toBe(1);
    expect(stderr).toContain('core-03: has no etcd data, while other members have');
    const running = await project.coreup(['ssh', 'core-03', '--', 'systemctl is-active etcd2']);
    expect(running.stdout).toBe('inactive');
  });
});
