import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bootBareHosts, type BareHosts } from './lab/hosts.js';
import { requireIsolation } from './lab/isolation.js';
import { TestProject } from './lab/project.js';
import type { PlanDocument, UpDocument } from './lab/shapes.js';

/** Machines that config.ts gives by name alone; all have VirtualBox's 10.0.2.15 besides an address of their own. */
describe('addresses that are found on the hosts', () => {
  let hosts: BareHosts;
  let project: TestProject;

  const config = (given: Readonly<Record<string, object>> = {}) => {
    const entries = hosts.hosts.map((host, index) => {
      const name = hosts.cluster.members[index]?.name ?? '';
      return { ...host, address: `machine-${index + 1}`, ...given[name] };
    });
    return `{
      cluster_name: 'e2e-found',
      provider: { kind: 'ssh', hosts: ${JSON.stringify(entries)} },
      ssh: { config_file: 'ssh.conf', connect_timeout: 10 },
    }`;
  };
  const on = async (name: string, command: string) => {
    const { code, stdout, stderr } = await project.coreup(['ssh', name, '--', command]);
    if (code !== 0) throw new Error(stderr);
    return stdout;
  };
  const rendered = () =>
    Promise.all([1, 2, 3].map((index) => readFile(join(project.directory, `user-data-${index}`), 'utf8')));

  beforeAll(async () => {
    requireIsolation();
    hosts = await bootBareHosts(3);
    const names = hosts.cluster.members.map(
      ({ privateIpv4 }, index) => `Host machine-${index + 1}\n  HostName ${privateIpv4}\n`,
    );
    project = await TestProject.create(config(), { 'ssh.conf': names.join('') });
    const { code, stderr } = await project.coreup([
      'exec', '--',
      'sudo ip link add enp0s3 type bridge && sudo ip addr add 10.0.2.15/24 dev enp0s3 && sudo ip link set enp0s3 up',
    ]); // prettier-ignore
    if (code !== 0) throw new Error(stderr);
  });
  afterAll(async () => {
    await hosts.dispose();
  });

  it('are not guessed before: render says what is missing and how to get it, and validate does without', async () => {
    const { code, stderr } = await project.coreup(['render']);
    expect(code).toBe(2);
    expect(stderr).toContain('the private addresses of core-01, core-02, core-03 are not known yet');
    expect(stderr).toContain('Run `coreup up`');
    expect((await project.coreup(['validate'])).code).toBe(0);
  });

  it('are found for a plan as well, which remembers nothing', async () => {
    const plan = await project.json<PlanDocument>(['plan']);
    expect(plan).toMatchObject({ ok: true, exitCode: 0 });
    const drop = plan.members[1]?.steps.find(({ target }) => target.endsWith('20-cloudinit.conf'));
    expect(drop?.diff).toContain('https://172.17.8.102:2380');
    expect((await project.coreup(['render'])).code).toBe(2);
  });

  it('are refused, given or found, where they are not on that host, or on another one as well', async () => {
    await project.configure(
      config({ 'core-01': { private_ipv4: '10.0.2.15' }, 'core-03': { private_ipv4: '172.17.8.99' } }),
    );
    const { code, stderr } = await project.coreup(['up']);
    expect(code).toBe(1);
    expect(stderr).toContain('core-01: has a private address, 10.0.2.15, that is also on core-02, core-03');
    expect(stderr).toContain('core-03: does not have its private address 172.17.8.99; it has 172.17.8.103 (');
  });

  it('are refused where hosts do not reach each other there', async () => {
    await project.configure(config());
    await on('core-01', 'sudo ip route add unreachable 172.17.8.102/32');
    const failed = await project.json<UpDocument>(['up']);
    expect(failed).toMatchObject({ ok: false, changes: 0, exitCode: 1 });
    expect(failed.members[0]?.error).toMatch(/^does not reach core-02 at 172\.17\.8\.102:2380 \(.+\)$/);
    await on('core-01', 'sudo ip route del unreachable 172.17.8.102/32');
  });

  it('are the ones that no other host has; the next run renders the same bytes and changes nothing', async () => {
    const first = await project.coreup(['up']);
    expect([first.code, first.stderr]).toEqual([
      0,
      expect.stringContaining('core-02: private 172.17.8.102, public 172.17.8.102'),
    ]);
    const texts = await rendered();
    expect(texts[1]).toContain('core-02=https://172.17.8.102:2380');
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0 });
    // Another address, at which it is not reached, makes no difference to a cluster that runs.
    await on('core-02', 'sudo ip addr add 10.7.7.7/24 dev enp0s3');
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0 });
    expect((await project.coreup(['render'])).code).toBe(0);
    expect(await rendered()).toEqual(texts);
  });
});
