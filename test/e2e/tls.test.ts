import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execa } from 'execa';
import { readdirSync, readFileSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { requireIsolation } from './lab/isolation.js';
import { TestProject, type Ended } from './lab/project.js';
import type { ExecDocument, StatusDocument, UpDocument } from './lab/shapes.js';

const NAMES = ['core-01', 'core-02', 'core-03'];

describe.each([
  ['bookworm', 'Debian 12', /^3\.4\./],
  ['trixie', 'Debian 13', /^3\.5\./],
])('TLS by default on %s', (suite, _os, version) => {
  let project: TestProject;
  let ended: Ended;
  /** Arguments of every process of this machine and of its hosts, seen while `up` ran. */
  const seen = new Set<string>();
  const pki = (...names: string[]) => join(project.directory, '.coreup', 'pki', ...names);

  beforeAll(async () => {
    requireIsolation();
    project = await TestProject.create(
      `{ cluster_name: 'e2e-tls', num_instances: 3, provider: { kind: 'local', suite: '${suite}' } }`,
    );
    const running = project.coreup(['up', '--yes', '-v']);
    const watch = new AbortController();
    const watching = watchArguments(seen, watch.signal);
    ended = await running;
    watch.abort();
    await watching;
  });
  afterAll(() => project.dispose());

  const on = async (name: string, command: string, input = ''): Promise<string> => {
    const { code, stdout, stderr } = await project.coreup(['ssh', name, '--', command], { input });
    if (code !== 0) throw new Error(`${command}: ${stderr}`);
    return stdout;
  };
  /** A part of each private key of the project that is in no other text. */
  const keyParts = async (): Promise<Map<string, string>> => {
    const files = await readdir(pki(), { recursive: true });
    const parts = files
      .filter((name) => name.endsWith('.pem'))
      .map(async (name): Promise<[string, string]> => {
        const [, body = ''] = /PRIVATE KEY-----\n([\s\S]+?)-----END/.exec(await readFile(pki(name), 'utf8')) ?? [];
        return [name, body.split('\n')[1] ?? ''];
      });
    return new Map(await Promise.all(parts));
  };

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
    const parts = await keyParts();
    expect(parts.size).toBe(11);
    const all = [...parts.values()];
    expect(new Set(all).size).toBe(11);
    expect(all.every((part) => part.length > 20)).toBe(true);
    for (const name of NAMES) {
      const files = await on(
        name,
        'sudo grep -rlFf - /etc /root /home /run /tmp /usr/local /var --exclude-dir=proc 2>/dev/null || true',
        `${all.join('\n')}\n`,
      );
      const keys = ['client', 'peer', 'server'].map((kind) => `/etc/coreup/pki/${kind}.key`);
      expect(files.trim().split('\n').sort()).toEqual(keys);
      for (const key of keys) {
        const kind = /(\w+)\.key$/.exec(key)?.[1] ?? '';
        const own = parts.get(`members/${name}/${kind}.pem`) ?? 'none';
        expect(await on(name, `sudo grep -cFf - ${key}`, `${own}\n`)).toBe('1');
      }
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
    const parts = [...(await keyParts()).values(), 'PRIVATE KEY'];
    const leaks = (text: string) => parts.some((part) => text.includes(part));
    const entries = await readdir(project.directory, { recursive: true, withFileTypes: true });
    for (const entry of entries) {
      const path = join(entry.parentPath, entry.name);
      const inside = path.startsWith(pki());
      if (inside) expect([path, (await stat(path)).mode & 0o077]).toEqual([path, 0]);
      if (!entry.isFile() || inside || entry.name === 'id_ed25519') continue;
      expect([path, leaks(await readFile(path, 'latin1'))]).toEqual([path, false]);
    }
    expect((await stat(pki())).mode & 0o777).toBe(0o700);
    expect((await stat(pki('ca.pem'))).mode & 0o777).toBe(0o600);
    expect(seen.size).toBeGreaterThan(10);
    expect([...seen].filter(leaks)).toEqual([]);
    const outputs = [ended.stdout, ended.stderr];
    for (const args of [
      ['plan'],
      ['render', '--stdout'],
      ['explain', '--json'],
      ['certs', '--json'],
      ['doctor', '-v'],
    ]) {
      const { stdout, stderr } = await project.coreup(args);
      outputs.push(stdout, stderr);
    }
    expect(outputs.map(leaks)).toEqual(outputs.map(() => false));
    for (const name of NAMES) expect(leaks(await on(name, 'sudo journalctl --no-pager -o cat'))).toBe(false);
  });
});

async function watchArguments(seen: Set<string>, end: AbortSignal): Promise<void> {
  while (!end.aborted) {
    for (const text of commandLines()) seen.add(text);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function commandLines(): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [readFileSync(`/proc/${pid}/cmdline`, 'latin1')];
      } catch {
        return [];
      }
    });
}
