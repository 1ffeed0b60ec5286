import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Readable } from 'node:stream';
import { requireIsolation } from './lab/isolation.js';
import { TestProject } from './lab/project.js';
import type { ExecDocument, StatusDocument, UpDocument } from './lab/shapes.js';

describe('ephemeral discovery', () => {
  let project: TestProject;

  const create = async (size: number, suite = 'bookworm', port = ''): Promise<void> => {
    project = await TestProject.create(config(size, suite, port));
  };
  const config = (size: number, suite = 'bookworm', port = ''): string =>
    `{ cluster_name: 'e2e-ephemeral', num_instances: ${size}, provider: { kind: 'local', suite: '${suite}' }, ` +
    `discovery: { mode: 'ephemeral'${port} } }`;

  /** Healthy with all its members, at rest, and nothing of discovery left on the hosts. */
  const expectCluster = async (size: number): Promise<StatusDocument> => {
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0, exitCode: 0 });
    const status = await project.json<StatusDocument>(['status']);
    expect(status.healthy).toBe(true);
    expect(status.etcd.members).toHaveLength(size);
    const ports = await project.json<ExecDocument>(['exec', '--', 'ss -ltnH']);
    for (const { stdout } of ports.members) {
      expect(stdout).toContain(':2380 ');
      expect(stdout).not.toContain(':2378 ');
    }
    return status;
  };

  beforeAll(requireIsolation);
  afterEach(() => project.dispose());

  it('Debian 12: a port in use is named before anything is changed; then 3 members find each other, and after a reboot, too', async () => {
    await create(3, 'bookworm', ', port: 22');
    const taken = await project.coreup(['up']);
    expect(taken.code).toBe(1);
    expect(taken.stderr).toMatch(/127\.0\.0\.1:22 is in use there/);
    expect(taken.stderr).toMatch(/discovery\.port/);
    const left = await project.json<ExecDocument>(['exec', '--', 'ls /var/lib/coreup']);
    expect(left.members.map(({ stdout }) => stdout)).toEqual(['', '', '']);

    await project.configure(config(3));
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, exitCode: 0 });
    const before = await expectCluster(3);
    const health = await project.coreup(['etcdctl', '--', 'cluster-health']);
    expect(health.stdout).toMatch(/cluster is healthy/);
    expect((await project.coreup(['reload'])).code).toBe(0);
    expect((await expectCluster(3)).etcd.cluster_id).toBe(before.etcd.cluster_id);
  });

  it('Debian 13: 5 members find each other', async () => {
    await create(5, 'trixie');
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, exitCode: 0 });
    const status = await expectCluster(5);
    for (const member of status.etcd.members) expect(member.version).toMatch(/^3\.5\./);
  });

  it.each([
    ['before members are started', 'Preparing discovery', false],
    ['when one member has registered', 'registered (1 of 3)', false],
    ['when one member has registered, and all hosts are rebooted', 'registered (1 of 3)', true],
    ['when all members have registered', 'registered (3 of 3)', false],
  ])('an up that is killed with SIGKILL %s is made good by the next one', async (_when, moment, reboot) => {
    await create(3);
    const running = project.start(['up']);
    await seen(running.stderr, moment);
    running.kill('SIGKILL');
    expect((await running).signal).toBe('SIGKILL');
    if (reboot) expect((await project.coreup(['reload'])).code).toBe(0);

    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, exitCode: 0 });
    await expectCluster(3);
  });
});

/** Resolves when `text` has been printed; rejects if the output ends without it. */
function seen(output: Readable, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let printed = '';
    output.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
      if (printed.includes(text)) resolve();
    });
    output.on('end', () => reject(new Error(`"${text}" was never printed:\n${printed}`)));
  });
}
