import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import type { CertsReport } from '../../src/actions/certs.js';
import { EtcdLoad } from './lab/etcd-load.js';
import { requireIsolation } from './lab/isolation.js';
import { TestProject } from './lab/project.js';
import type { ExecDocument, StatusDocument, UpDocument } from './lab/shapes.js';
import { seen } from './lab/wait.js';

/** A cluster that is in use all the time, and gets TLS meanwhile. */
describe('a cluster that runs', () => {
  let project: TestProject;
  let load: EtcdLoad;
  let id: string;

  const config = (tls: boolean) => `{ cluster_name: 'e2e-tls-on', num_instances: 3, etcd: { tls: ${String(tls)} } }`;
  const status = () => project.json<StatusDocument & { etcd: { tls: boolean } }>(['status']);

  beforeAll(async () => {
    requireIsolation();
    project = await TestProject.create(config(false));
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true });
    id = (await status()).etcd.cluster_id;
    load = new EtcdLoad(
      [1, 2, 3].map((index) => `172.17.8.10${index}`),
      join(project.directory, '.coreup', 'pki'),
    );
  });
  afterAll(async () => {
    await load.end();
    await project.dispose();
  });

  it('says in status and plan that it has no TLS, and in plan what turning it on restarts', async () => {
    expect((await project.coreup(['status'])).stdout).toMatch(/^e2e-tls-on: healthy, .*, plain http$/m);
    // Where coreup chooses, etcd without TLS is on the private network and the host itself.
    const { members } = await project.json<ExecDocument>(['exec', '--', 'ss -Hltn | grep -o "[^ ]*:23[78]."']);
    for (const { stdout } of members) {
      const found = stdout
        .trim()
        .split('\n')
        .map((address) => address.replace(/10[123]/, '10N'));
      expect(found.sort()).toEqual(['127.0.0.1:2379', '172.17.8.10N:2379', '172.17.8.10N:2380']);
    }
    await project.configure(config(true));
    const plan = await project.coreup(['plan', '--exit-code']);
    expect(plan.code).toBe(3);
    expect(plan.stderr).toContain('in three rolls, each one member at a time');
    expect(plan.stdout).not.toContain('PRIVATE KEY');
    const rolls = ['1 of 3: clients are served over http and https', '2 of 3: members speak https to each other', '3 of 3: http is closed']; // prettier-ignore
    expect(plan.stdout.split('\n').filter((line) => / of 3: /.test(line) && !line.startsWith(' '))).toEqual(rolls);
    expect(plan.stdout.match(/core-0\d restarts: 2 of 3 \(tolerates 0\) up meanwhile/g)).toHaveLength(9);
    expect(plan.stdout).toContain('peer-urls core-02: etcd is told that its peers reach it over https');
    expect(await status()).toMatchObject({ healthy: true, etcd: { tls: false } });
  });

  it.each(['core-02: 11 changes to make', 'core-01: its peers reach it over https', 'core-03: 3 changes to make'])(
    'survives that coreup is killed at "%s" on the way to TLS',
    async (moment) => {
      const running = project.start(['up', '--yes']);
      await seen(running.stderr, moment);
      running.kill('SIGKILL');
      expect((await running).signal).toBe('SIGKILL');
      expect(await status()).toMatchObject({ etcd: { cluster_id: id } });
    },
  );

  it('ends with TLS, as the same cluster, and has served its clients all the while', async () => {
    expect(await project.json<UpDocument>(['up', '--yes'])).toMatchObject({ ok: true, exitCode: 0 });
    expect(await project.json<UpDocument>(['up', '--yes'])).toMatchObject({ ok: true, changes: 0 });
    const { etcd, healthy } = await status();
    expect({ healthy, tls: etcd.tls, id: etcd.cluster_id }).toEqual({ healthy: true, tls: true, id });
    for (const { peer_urls, client_urls } of etcd.members) {
      expect([...peer_urls, ...client_urls].every((url) => url.startsWith('https://'))).toBe(true);
    }
    expect(load.lost).toEqual([]);
    expect(load.schemes).toEqual(new Set(['http', 'https']));
    expect(load.rounds).toBeGreaterThan(0);
  });

  const certs = () => project.json<CertsReport>(['certs']);
  const prints = ({ certificates }: CertsReport, member: string | null) =>
    certificates.filter((one) => one.member === member).map(({ fingerprint }) => fingerprint);

  it('gets new certificates for the member that is named, and for no other', async () => {
    const before = await certs();
    expect(before.certificates).toHaveLength(10);
    for (const { days } of before.certificates) expect(days).toBeGreaterThan(300);
    expect(await project.coreup(['certs', 'renew', 'core-9'])).toMatchObject({ code: 2 });
    expect(await project.json<UpDocument>(['certs', 'renew', 'core-02'])).toMatchObject({ ok: true });
    const after = await certs();
    for (const member of [null, 'core-01', 'core-03']) expect(prints(after, member)).toEqual(prints(before, member));
    expect(prints(after, 'core-02').filter((print) => prints(before, 'core-02').includes(print))).toEqual([]);
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0 });
  });

  it('gets another authority, also if coreup is killed meanwhile, and trusts the old one no more', async () => {
    const before = await certs();
    const running = project.start(['certs', 'rotate']);
    await seen(running.stderr, '2 of 3: it signs everything anew');
    await seen(running.stderr, 'core-01: ');
    running.kill('SIGKILL');
    expect((await running).signal).toBe('SIGKILL');
    expect(await certs()).toMatchObject({
      rotation: expect.stringMatching(/introduced|replaced/),
      authorities: [{}, {}],
    });
    expect(await project.json<UpDocument>(['certs', 'rotate'])).toMatchObject({ ok: true });
    const after = await certs();
    expect(after).toMatchObject({ rotation: 'settled', authorities: [{ signs: true }] });
    expect(after.authorities[0]?.fingerprint).not.toBe(before.authorities[0]?.fingerprint);
    const { members } = await project.json<ExecDocument>(['exec', '--', 'grep -c BEGIN /etc/coreup/pki/ca.pem']);
    expect(members.map(({ stdout }) => stdout.trim())).toEqual(['1', '1', '1']);
    expect(await status()).toMatchObject({ healthy: true, etcd: { cluster_id: id } });
    expect(load.lost).toEqual([]);
  });
});
