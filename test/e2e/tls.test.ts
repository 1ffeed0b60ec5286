import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execa } from 'execa';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Store } from '../../src/providers/local/store.js';
import { journalOf, secretsOnHost } from './lab/below.js';
import { requireIsolation } from './lab/isolation.js';
import { watchProcesses, type SeenProcess } from './lab/processes.js';
import { PROGRAM, TestProject, type Ended } from './lab/project.js';
import { places, Secrets } from './lab/secrets.js';
import type { ExecDocument, StatusDocument, UpDocument } from './lab/shapes.js';

const NAMES = ['core-01', 'core-02', 'core-03'];

describe.each([
  ['bookworm', 'Debian 12', /^3\.4\./],
  ['trixie', 'Debian 13', /^3\.5\./],
])('TLS by default on %s', (suite, _os, version) => {
  let project: TestProject;
  let ended: Ended;
  let processes: readonly SeenProcess[];
  const pki = (...names: string[]) => join(project.directory, '.coreup', 'pki', ...names);

  beforeAll(async () => {
    requireIsolation();
    project = await TestProject.create(
      `{ cluster_name: 'e2e-tls', num_instances: 3, provider: { kind: 'local', suite: '${suite}' } }`,
    );
    const watch = watchProcesses();
    ended = await project.coreup(['up', '--yes', '-v']);
    processes = watch.stop();
  });
  afterAll(() => project.dispose());

  /** Every private key of the project, by its file. */
  const secrets = async (): Promise<Secrets> => {
    const files = (await readdir(pki(), { recursive: true })).filter((name) => name.endsWith('.pem'));
    expect(files).toHaveLength(11);
    const texts = files.map(async (name) => [name, await readFile(pki(name), 'utf8')] as const);
    return new Secrets(Object.fromEntries(await Promise.all(texts)));
  };
  const store = () => new Store('e2e-tls', project.dataDir);

  it('is up, and status, etcdctl and exec work', async () => {
    expect(ended).toMatchObject({ code: 0 });
    const status = await project.json<StatusDocument>(['status']);
    expect(status).toMatchObject({ healthy: true, etcd: { tls: true, expiring: [] } });
    for (const member of status.etcd.members) expect(member.version).toMatch(version);
    expect((await project.coreup(['etcdctl', '--', 'put', 'a', 'b'])).stdout).toBe('OK');
    expect((await project.coreup(['etcdctl', '--', 'get', 'a'])).stdout).toBe('a\nb');
    expect((await project.coreup(['etcdctl', '--', 'cluster-health'])).stdout).toMatch(/cluster is healthy$/);
    expect((await project.json<UpDocument>(['up'])).changes).toBe(0);
  });

  it.each([2379, 2380])('gives no data on port %i without a certificate', async (port) => {
    const ask = (more: readonly string[]) =>
      execa('openssl', ['s_client', '-connect', `172.17.8.102:${String(port)}`, '-ign_eof', '-quiet', ...more], {
        input: 'GET /version HTTP/1.0\r\n\r\n',
        reject: false,
      });
    const stranger = await ask([]);
    expect(stranger.stdout).not.toMatch(/HTTP|etcd/);
    expect(stranger.stderr).toMatch(/alert/);
    const own = await ask(['-cert', pki('coreup.pem'), '-key', pki('coreup.pem'), '-CAfile', pki('ca.pem')]);
    expect(own.stdout).toMatch(/^HTTP\/1\.0 200 OK[\s\S]+etcdserver/);
    const plain = await execa('curl', ['-s', `http://172.17.8.102:${String(port)}/version`], { reject: false });
    expect(plain.stdout).not.toContain('etcdserver');
  });

  it('has the keys of each member on that member only, readable for those who use them', async () => {
    const keys = await secrets();
    for (const name of NAMES) {
      expect(places(await secretsOnHost(keys, store(), name))).toEqual([
        `members/${name}/client.pem: /etc/coreup/pki/client.key 600 root:root`,
        `members/${name}/peer.pem: /etc/coreup/pki/peer.key 640 root:etcd`,
        `members/${name}/server.pem: /etc/coreup/pki/server.key 640 root:etcd`,
      ]);
    }
    const { members } = await project.json<ExecDocument>([
      'exec',
      '--',
      'sudo stat -c "%n %a %U:%G" /etc/coreup/pki/*',
    ]);
    for (const { stdout } of members) {
      expect(
        stdout
          .trim()
          .split('\n')
          .map((line) => line.replace('/etc/coreup/pki/', '')),
      ).toEqual([
        'ca.pem 644 root:root',
        'client.key 600 root:root',
        'client.pem 644 root:root',
        'peer.key 640 root:etcd',
        'peer.pem 644 root:root',
        'server.key 640 root:etcd',
        'server.pem 644 root:root',
      ]);
    }
  });

  it('keeps keys in .coreup/pki alone, private, and out of outputs, arguments, logs and journals', async () => {
    const keys = await secrets();
    const found = await keys.inFiles(project.directory);
    expect(found).toHaveLength(11);
    for (const { secret, where, mode } of found) expect([where, mode]).toEqual([`.coreup/pki/${secret}`, '600']);
    expect((await stat(pki())).mode & 0o777).toBe(0o700);
    expect(processes.some(({ text }) => text.includes(PROGRAM))).toBe(true);
    expect(processes.flatMap(({ where, text }) => keys.inText(where, text))).toEqual([]);
    const outputs = [ended];
    for (const args of [['plan'], ['render', '--stdout'], ['explain', '--json'], ['certs', '--json'], ['doctor', '-v']])
      outputs.push(await project.coreup(args));
    for (const { stdout, stderr } of outputs) {
      expect(keys.inText('output', stdout + stderr)).toEqual([]);
      expect(stdout + stderr).not.toContain('PRIVATE KEY');
    }
    for (const name of NAMES) expect(keys.inText('journal', await journalOf(store(), name))).toEqual([]);
  });
});
