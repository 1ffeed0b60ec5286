import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { Dnsmasq } from '../lab/dnsmasq.js';
import { requireIsolation } from '../lab/isolation.js';
import { TestProject } from '../lab/project.js';
import type { ExecDocument, StatusDocument, UpDocument } from '../lab/shapes.js';
import { trace, type Trace } from '../lab/trace.js';

const config = (discovery: string): string =>
  `{ cluster_name: 'e2e-dns', num_instances: 4, etcd: { members: 3, tls: false }, discovery: { mode: 'dns', domain: 'example.test', ${discovery} } }`;

/** One line in config.ts, real dnsmasq on the bridge, and an etcd that only finds members by records for https. */
describe('DNS discovery with records that coreup serves, on Debian 12', () => {
  let project: TestProject;
  let before: Trace;

  beforeAll(async () => {
    requireIsolation();
    before = await trace();
    project = await TestProject.create(config('managed: true'));
  });
  afterAll(() => project.dispose());

  it('is refused for plain http before anything is started, with the way out', async () => {
    const { code, stderr } = await project.coreup(['up']);
    expect(code).toBe(2);
    expect(stderr).toContain('etcd 3.4.23 finds no members by SRV records for plain http');
    expect(stderr).toContain('discovery: { peer_auto_tls: true }');
    expect(own(await trace())).toEqual(own(before));
  });

  it('is refused where another server has the port', async () => {
    await project.configure(config('managed: true, peer_auto_tls: true'));
    // The bridge is not there yet; whoever listens on all addresses has its, too.
    const other = new Dnsmasq('0.0.0.0');
    await other.serve('');
    try {
      const { code, stderr } = await project.coreup(['up']);
      expect(code).toBe(1);
      expect(stderr).toContain(
        'needs port 53 of 172.17.8.1 for the records of the cluster, and another server on this machine listens on all addresses',
      );
    } finally {
      await other.dispose();
    }
  });

  it('becomes a cluster whose peers speak TLS, and a worker with a proxy to it', async () => {
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, exitCode: 0 });
    const list = await project.coreup(['ssh', 'core-04', '--', 'ETCDCTL_API=2 etcdctl member list']);
    for (const index of [1, 2, 3]) {
      expect(list.stdout).toMatch(
        new RegExp(
          `^[0-9a-f]+: name=core-0${index} peerURLs=https://core-0${index}\\.example\\.test:2380 ` +
            `clientURLs=http://172\\.17\\.8\\.10${index}:2379`,
          'm',
        ),
      );
    }
    const health = await project.coreup(['ssh', 'core-01', '--', 'ETCDCTL_API=2 etcdctl cluster-health']);
    expect(health.stdout).toMatch(/^cluster is healthy$/m);
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0 });
    expect(await project.json(['dns', 'check'])).toMatchObject({
      ok: true,
      exitCode: 0,
      members: [1, 2, 3].map((index) => ({
        name: `core-0${index}`,
        nameserver: '172.17.8.1',
        problems: [],
        warnings: [],
      })),
    });
  });

  it('lets clients look the members up', async () => {
    // Nothing on the worker itself answers the v3 API.
    const command = 'ETCDCTL_API=3 etcdctl --discovery-srv=example.test --insecure-discovery put greeting hello';
    expect(await project.coreup(['ssh', 'core-04', '--', command])).toMatchObject({ code: 0, stdout: 'OK' });
    expect((await project.coreup(['etcdctl', '--', 'get', 'greeting', '--print-value-only'])).stdout).toBe('hello');
  });

  it('comes back after a reboot of everything, and starts the name server that has ended', async () => {
    const [pid = ''] = nameServers();
    process.kill(Number(pid));
    expect((await project.coreup(['reload'])).code).toBe(0);
    expect(nameServers()).not.toContain(pid);
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, exitCode: 0, changes: 0 });
    expect(nameServers()).toHaveLength(1);
  });

  it('serves the records while a host runs, and no longer', async () => {
    expect((await project.coreup(['halt', 'core-02'])).code).toBe(0);
    expect(nameServers()).toHaveLength(1);
    const status = await project.json<StatusDocument>(['status']);
    expect(status.etcd.members.map(({ healthy }) => healthy)).toEqual([true, false, true]);
    expect((await project.coreup(['halt'])).code).toBe(0);
    expect(nameServers()).toEqual([]);
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, exitCode: 0 });
    const seen = await project.json<ExecDocument>(['exec', '--', 'cat /etc/resolv.conf']);
    for (const { stdout } of seen.members) expect(stdout).toBe('nameserver 172.17.8.1\n');
  });

  it('leaves nothing behind', async () => {
    expect((await project.coreup(['destroy', '--yes'])).code).toBe(0);
    expect(own(await trace())).toEqual(own(before));
  });

  /** Other tests may run at the same time on this machine. */
  function own({ processes: all, mounts, interfaces, cgroups }: Trace): Trace {
    const mine = (entry: string): boolean => entry.includes('e2e-dns.') || entry.includes(project.dataDir);
    return { processes: all.filter(mine), mounts: mounts.filter(mine), interfaces, cgroups: cgroups.filter(mine) };
  }

  /** Process numbers of what serves this project's records. */
  function nameServers(): string[] {
    return processes().filter((pid) => commandOf(pid).includes(`${project.dataDir}/clusters/e2e-dns/dnsmasq.conf`));
  }
});

function processes(): string[] {
  return readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}
