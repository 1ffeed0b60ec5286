import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { requireIsolation } from './lab/isolation.js';
import { TestProject } from './lab/project.js';
import type { StatusDocument } from './lab/shapes.js';
import { until } from './lab/wait.js';

interface DoctorDocument {
  readonly ok: boolean;
  readonly hosts: readonly { name: string; reached: boolean; sync_p99: number | null; etcd: string }[];
  readonly findings: readonly { check: string; severity: string; where: string; what: string; advice: string }[];
}

/** Checks that depend on how loaded the machine is that runs the tests. */
const MOODS = new Set(['disk-sync', 'clock']);

describe('doctor', () => {
  let project: TestProject;

  const on = async (name: string, command: string): Promise<string> => {
    const { code, stdout, stderr } = await project.coreup(['ssh', name, '--', command]);
    if (code !== 0) throw new Error(`${command}: ${stderr}`);
    return stdout;
  };
  const doctor = async () => {
    const { findings, ...rest } = await project.json<DoctorDocument>(['doctor']);
    const told = findings.filter(({ check }) => !MOODS.has(check));
    return { ...rest, findings: told, checks: told.map(({ check, where }) => `${check} ${where}`).sort() };
  };

  beforeAll(async () => {
    requireIsolation();
    project = await TestProject.create(`{ cluster_name: 'e2e-doctor', num_instances: 3 }`);
  });
  afterAll(() => project.dispose());

  it('says of hosts that are not there what to do', async () => {
    const { exitCode, findings } = await doctor();
    expect(exitCode).toBe(1);
    expect(findings.map(({ where }) => where)).toEqual(['core-01', 'core-02', 'core-03']);
    expect(findings[0]).toMatchObject({ check: 'reachable', advice: expect.stringContaining('coreup up') });
  });

  it('finds nothing wrong with a healthy cluster, whose etcds and disks it has asked', async () => {
    expect((await project.coreup(['up', '--yes'])).code).toBe(0);
    const { exitCode, ok, checks, hosts } = await doctor();
    expect({ exitCode, ok, checks }).toEqual({ exitCode: 0, ok: true, checks: [] });
    for (const host of hosts) {
      expect(host).toMatchObject({ reached: true, etcd: expect.stringMatching(/^3\./) });
      expect(host.sync_p99).toBeGreaterThan(0);
    }
    expect(await on('core-01', 'sudo ls -A /var/lib/etcd2')).not.toContain('coreup-doctor');
  });

  it('finds a member that was added and never started', async () => {
    // etcd takes no new member before its peers have known each other for five seconds (etcd, HealthInterval).
    await until(
      'a member is added',
      () => project.coreup(['etcdctl', '--', 'member', 'add', 'ghost', '--peer-urls=http://172.17.8.99:2380']),
      ({ code }) => code === 0,
    );
    const { checks, findings } = await doctor();
    expect(checks).toHaveLength(1);
    expect(findings[0]).toMatchObject({ check: 'never-started', severity: 'error' });
    const [, remove = ''] = /(member remove \w+)/.exec(findings[0]?.advice ?? '') ?? [];
    expect((await project.coreup(['etcdctl', '--', ...remove.split(' ')])).code).toBe(0);
    expect((await doctor()).checks).toEqual([]);
  });

  it('finds a port that is taken, a full disk, a blocked way, twins, an open key and a lock that was left', async () => {
    const { etcd } = await project.json<StatusDocument>(['status']);
    expect(etcd.members).toHaveLength(3);
    await on(
      'core-02',
      'sudo systemctl stop etcd2 && sudo systemd-run --unit=squatter systemd-socket-activate -l 2379 cat && ' +
        'sudo mount -t tmpfs -o size=60m none /var/lib/etcd2',
    );
    await on('core-03', 'sudo ip route add prohibit 172.17.8.101');
    const id = (await on('core-01', 'cat /etc/machine-id')).trim();
    await on('core-03', `echo ${id} | sudo tee /etc/machine-id`);
    await chmod(join(project.directory, '.coreup', 'id_ed25519'), 0o644);
    await chmod(join(project.directory, '.coreup', 'pki', 'ca.pem'), 0o640);
    const running = project.start(['up', '--yes']);
    await new Promise<void>((resolve) => {
      running.stderr.once('data', () => resolve());
    });
    running.kill('SIGKILL');
    await running;

    const { exitCode, checks, findings } = await doctor();
    expect(exitCode).toBe(1);
    expect(checks.filter((check) => check === 'permissions this machine')).toHaveLength(2);
    expect(new Set(checks)).toEqual(
      new Set([
        'port-taken core-02',
        'etcd-running core-02',
        'disk-space core-02',
        'port-blocked core-01',
        'port-blocked core-03',
        'machine-id-twins core-01, core-03',
        'permissions this machine',
        'lock this machine',
        'leader the cluster',
      ]),
    );
    const find = (check: string) => findings.find((finding) => finding.check === check);
    expect(find('port-taken')?.what).toContain('port 2379, which etcd needs, taken by systemd-socket');
    expect(find('permissions')?.advice).toContain('chmod go=');
    expect(find('lock')?.advice).toContain('coreup unlock');
    expect(findings.every(({ advice }) => advice.length > 10)).toBe(true);
  });
});
