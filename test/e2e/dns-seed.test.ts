import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { seedDns } from '../fixtures/seed.js';
import { Dnsmasq } from './lab/dnsmasq.js';
import { requireIsolation } from './lab/isolation.js';
import { TestProject } from './lab/project.js';
import type { StatusDocument, UpDocument } from './lab/shapes.js';

/** The chapter's name server, which an administrator runs. */
const SERVER = '172.17.8.111';
const NAMES = [1, 2, 3].map((index) => `CoreOS-0${index}`);
const SRV = '_etcd-server._tcp.testdomain.com';

interface CheckDocument {
  readonly ok: boolean;
  readonly members: readonly {
    name: string;
    ok: boolean;
    nameserver: string;
    from: string;
    problems: { message: string }[];
    warnings: { message: string }[];
  }[];
}

/** DNS discovery as the chapter has it: plain http, records in a name server of somebody else, here a real dnsmasq. */
describe("the chapter's DNS discovery, on Debian 13", () => {
  let project: TestProject;
  const server = new Dnsmasq(SERVER, '172.17.8.101');

  beforeAll(async () => {
    requireIsolation();
    project = await TestProject.create(
      `{
        cluster_name: 'e2e-dns-seed', num_instances: 3, instance_name_prefix: 'CoreOS',
        discovery: { mode: 'dns', domain: 'testdomain.com' },
        provider: { kind: 'local', suite: 'trixie' },
      }`,
      { 'user-data': seedDns },
    );
  });
  afterAll(async () => {
    await server.dispose();
    await project.dispose();
  });

  async function zone(): Promise<string> {
    return `${(await project.coreup(['dns', 'zone', '--format', 'dnsmasq'])).stdout}\n`;
  }

  it('is refused as printed, at the line whose indentation is wrong', async () => {
    const { code, stderr } = await project.coreup(['up']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/user-data:17:2: not valid YAML/);
    const mended = seedDns.replace(/^ (permissions|owner|content):/gm, '   $1:');
    await writeFile(join(project.directory, 'user-data'), mended);
  });

  it('prints the records as the chapter lists them', async () => {
    const { stdout } = await project.coreup(['dns', 'zone']);
    for (const [position, name] of NAMES.entries()) {
      expect(stdout).toMatch(new RegExp(`^${SRV}\\. +300 +IN +SRV +0 +0 +2380 +${name}\\.testdomain\\.com\\.$`, 'm'));
      expect(stdout).toMatch(
        new RegExp(`^${name}\\.testdomain\\.com\\. +300 +IN +A +172\\.17\\.8\\.10${position + 1}$`, 'm'),
      );
    }
  });

  it('starts no member while nobody serves the records, and says so for each', async () => {
    const failed = await project.json<UpDocument>(['up']);
    expect(failed).toMatchObject({ ok: false, exitCode: 1 });
    for (const { error } of failed.members) {
      expect(error).toContain(`no name server answers for ${SRV} (${SERVER}: TCP port 53 cannot be reached`);
    }
    const running = await project.coreup(['exec', '--', 'systemctl is-active etcd2; true']);
    expect(running.stdout).not.toMatch(/: active/);
  });

  it('tells what is wrong with the records, from each member, and starts none', async () => {
    const right = await zone();
    const wrong = right
      .replace(/^srv-host=_etcd-server\..*CoreOS-02.*\n/m, '')
      .replace(/^(host-record=CoreOS-03\.testdomain\.com),172\.17\.8\.103/m, '$1,172.17.8.99')
      .replace(/^srv-host=_etcd-client\..*\n/gm, '');
    await server.serve(wrong);
    const check = await project.json<CheckDocument>(['dns', 'check']);
    expect(check).toMatchObject({ ok: false, exitCode: 1 });
    expect(check.members.map(({ name, nameserver, from }) => [name, nameserver, from])).toEqual(
      NAMES.map((name) => [name, SERVER, 'user-data']),
    );
    const problems = check.members.map((member) => member.problems.map(({ message }) => message));
    expect(problems[0]).toEqual([
      `${SRV} names coreos-03.testdomain.com (172.17.8.99), which is no etcd member of config.ts`,
      `CoreOS-02 (172.17.8.102) would not be found: no SRV record of ${SRV} leads to 172.17.8.102:2380`,
      `CoreOS-03 (172.17.8.103) would not be found: no SRV record of ${SRV} leads to 172.17.8.103:2380`,
    ]);
    expect(problems[1]?.[1]).toContain('this member (172.17.8.102) would not find itself');
    for (const { warnings } of check.members) expect(warnings[0]?.message).toContain('no SRV record _etcd-client._tcp');
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: false, exitCode: 1 });

    await server.serve(`${right}srv-host=_etcd-server-ssl._tcp.testdomain.com,CoreOS-01.testdomain.com,2380,0,0\n`);
    const both = await project.json<CheckDocument>(['dns', 'check']);
    expect(both.members[0]?.problems[0]?.message).toContain(
      `there are SRV records of ${SRV} and of _etcd-server-ssl._tcp.testdomain.com`,
    );
    await server.serve(right);
    expect(await project.json<CheckDocument>(['dns', 'check'])).toMatchObject({ ok: true, exitCode: 0 });
  });

  it('becomes a cluster, which etcdctl lists as the chapter prints it', async () => {
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, exitCode: 0 });
    const list = await project.coreup(['ssh', 'CoreOS-01', '--', 'ETCDCTL_API=2 etcdctl member list']);
    const health = await project.coreup(['ssh', 'CoreOS-01', '--', 'ETCDCTL_API=2 etcdctl cluster-health']);
    for (const [position, name] of NAMES.entries()) {
      const client = `http://172\\.17\\.8\\.10${position + 1}:2379`;
      // This name server answers in lower case, whatever its configuration says.
      expect(list.stdout).toMatch(
        new RegExp(
          `^[0-9a-f]+: name=${name} peerURLs=http://${name.toLowerCase()}\\.testdomain\\.com:2380 clientURLs=${client}`,
          'm',
        ),
      );
      expect(health.stdout).toMatch(
        new RegExp(`^member [0-9a-f]+ is healthy: got healthy result from ${client}$`, 'm'),
      );
    }
    expect(health.stdout).toMatch(/^cluster is healthy$/m);
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0 });
    expect(await project.json<StatusDocument>(['status'])).toMatchObject({ healthy: true });
  });

  it('is healthy with one host off, and whole again after a reboot of everything', async () => {
    expect((await project.coreup(['halt', 'CoreOS-02'])).code).toBe(0);
    const status = await project.json<StatusDocument>(['status']);
    expect(status.etcd.members.map(({ healthy }) => healthy)).toEqual([true, false, true]);
    expect((await project.coreup(['etcdctl', '--', 'put', 'greeting', 'hello'])).stdout).toBe('OK');
    expect((await project.coreup(['reload'])).code).toBe(0);
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, exitCode: 0, changes: 0 });
    expect((await project.coreup(['etcdctl', '--', 'get', 'greeting', '--print-value-only'])).stdout).toBe('hello');
  });
});
