import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { requireIsolation } from './lab/isolation.js';
import { TestProject } from './lab/project.js';
import type { ExecDocument, StatusDocument, UpDocument } from './lab/shapes.js';
import { until } from './lab/wait.js';

/** The fourth host is no member: its etcd hands on what clients ask of the three. */
describe.each([
  ['Debian 12', 'bookworm'],
  ['Debian 13', 'trixie'],
])('a worker with TLS on %s', (_, suite) => {
  let project: TestProject;
  const PKI = '/etc/coreup/pki';
  const KEYS = 'https://127.0.0.1:2379/v2/keys/greeting';
  const OWN = ['--cert', `${PKI}/client.pem`, '--key', `${PKI}/client.key`, '--cacert', `${PKI}/ca.pem`];
  /** As a program on the worker asks the etcd there. */
  const ask = async (...words: readonly string[]) => {
    const { code, stdout } = await project.coreup([
      'ssh',
      'core-04',
      '--',
      'sudo',
      'curl',
      '-sS',
      '-m',
      '10',
      ...words,
    ]);
    return { code, stdout };
  };
  /** What a client with a certificate gets, once the worker answers. */
  const answer = () =>
    until(
      'the worker answers',
      () => ask(...OWN, KEYS),
      ({ stdout }) => stdout.includes('"action":"get"'),
      30,
    );

  beforeAll(async () => {
    requireIsolation();
    project = await TestProject.create(
      `{ cluster_name: 'e2e-worker', num_instances: 4, etcd: { members: 3 }, provider: { kind: 'local', suite: '${suite}' } }`,
    );
    const { code, stderr } = await project.coreup(['up']);
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  });
  afterAll(() => project.dispose());

  it('hands on to the members what a client with a certificate asks', async () => {
    const put = await ask(...OWN, '-X', 'PUT', '-d', 'value=through the worker', KEYS);
    expect(put.stdout).toContain('"action":"set"');
    expect((await project.coreup(['etcdctl', '--', 'ls', '/'])).stdout).toBe('/greeting');
    expect((await answer()).stdout).toContain('through the worker');
    expect((await project.json<StatusDocument>(['status'])).etcd.members).toHaveLength(3);
  });

  it('gives nothing to a client without a certificate, or without TLS', async () => {
    const stranger = await ask('--cacert', `${PKI}/ca.pem`, KEYS);
    expect(stranger.code).not.toBe(0);
    expect(stranger.stdout).toBe('');
    expect((await ask(KEYS.replace('https:', 'http:'))).stdout).not.toContain('through the worker');
  });

  it('answers again after a restart of its etcd', async () => {
    const restart = 'sudo systemctl restart etcd2';
    expect((await project.coreup(['ssh', 'core-04', '--', restart])).code).toBe(0);
    expect((await answer()).stdout).toContain('through the worker');
  });

  it('gets certificates anew with certs renew, and answers with them', async () => {
    const shown = async () => {
      const command = `openssl s_client -connect 127.0.0.1:2379 </dev/null 2>/dev/null`;
      const { stdout } = await project.coreup(['ssh', 'core-04', '--', command]);
      return /-----BEGIN CERTIFICATE-----[^-]+-----END/.exec(stdout)?.[0];
    };
    const before = await shown();
    expect(before).toBeDefined();
    expect((await project.coreup(['certs', 'renew', '--yes'])).code).toBe(0);
    expect((await answer()).stdout).toContain('through the worker');
    const after = await shown();
    expect(after).toBeDefined();
    expect(after).not.toBe(before);
    const keys = await project.json<ExecDocument>(['exec', '--', 'sudo stat -c "%n %a %U:%G" /etc/coreup/pki/*.key']);
    expect(new Set(keys.members.map(({ stdout }) => stdout)).size).toBe(1);
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0 });
  });
});
