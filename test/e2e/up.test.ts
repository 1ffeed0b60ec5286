import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execa } from 'execa';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { Store } from '../../src/providers/local/store.js';
import { parseEvents } from '../support/event-schema.js';
import { requireIsolation } from './lab/isolation.js';
import { TestProject } from './lab/project.js';
import type { ExecDocument, StatusDocument, UpDocument } from './lab/shapes.js';

const CONFIG = `{ cluster_name: 'e2e-up', num_instances: 3 }`;

/** The story of the README: from nothing to a cluster, look around, run again. */
describe('up from nothing', () => {
  let project: TestProject;

  beforeAll(async () => {
    requireIsolation();
    project = await TestProject.create(CONFIG);
  });
  afterAll(() => project.dispose());

  it('refuses to show a status as healthy before there is a cluster', async () => {
    const status = await project.json<StatusDocument>(['status']);
    expect(status).toMatchObject({ healthy: false, exitCode: 1 });
  });

  it('brings three members up, in lines that name them, and says so', async () => {
    const { code, stdout, stderr } = await project.coreup(['up']);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stdout).toMatch(/^e2e-up is up and healthy: 3 members, \d+ changes, [\d.]+ s\.$/);
    for (const name of ['core-01', 'core-02', 'core-03']) expect(stderr).toContain(`${name}: healthy, etcd 3.4`);
  });

  it('has rendered one private user-data per member', async () => {
    const names = (await readdir(project.directory)).filter((name) => name.startsWith('user-data-'));
    expect(names.sort()).toEqual(['user-data-1', 'user-data-2', 'user-data-3']);
    for (const [index, name] of names.sort().entries()) {
      expect((await stat(join(project.directory, name))).mode & 0o777).toBe(0o600);
      const text = await readFile(join(project.directory, name), 'utf8');
      expect(text).toContain(`    name: core-0${index + 1}\n`);
      expect(text).toContain('https://$private_ipv4:2380');
    }
  });

  it('has a healthy etcd cluster with the right names and URLs', async () => {
    const status = await project.json<StatusDocument>(['status']);
    expect(status).toMatchObject({ healthy: true, exitCode: 0, fleet: null });
    expect(status.etcd.members.map(({ name, peer_urls, client_urls }) => ({ name, peer_urls, client_urls }))).toEqual(
      [1, 2, 3].map((index) => ({
        name: `core-0${index}`,
        peer_urls: [`https://172.17.8.10${index}:2380`],
        client_urls: [`https://172.17.8.10${index}:2379`],
      })),
    );
    expect(status.etcd.members.filter((member) => member.leader).map((member) => member.name)).toEqual([
      status.etcd.leader,
    ]);
  });

  it('changes nothing and restarts nothing when it is run again', async () => {
    const before = await processes(project);
    const again = await project.json<UpDocument>(['up']);
    expect(again).toMatchObject({ ok: true, changes: 0, exitCode: 0 });
    expect(await processes(project)).toEqual(before);
    const { stdout } = await project.coreup(['up']);
    expect(stdout).toMatch(/^Nothing to do: e2e-up is healthy \(3 members, /);
  });

  it('refuses more members than were founded before it makes anything for them', async () => {
    const made = async () => [
      await readdir(project.directory),
      await readdir(join(project.directory, '.coreup', 'pki', 'members')),
      await readdir(new Store('e2e-up', project.dataDir).hosts),
    ];
    const before = await made();
    await project.configure(`{ cluster_name: 'e2e-up', num_instances: 5 }`);
    const { code, stderr } = await project.coreup(['up']);
    await project.configure(CONFIG);
    expect({ code, stderr }).toMatchObject({ code: 1 });
    expect(stderr).toMatch(/consists of core-01, core-02, core-03; config.ts asks for .*core-04, core-05$/m);
    expect(await made()).toEqual(before);
  });

  it('tells of a run as events to the end, and keeps logs of those that changed something', async () => {
    const { code, stdout } = await project.coreup(['up', '--events']);
    expect(code).toBe(0);
    const events = parseEvents(stdout);
    expect(events.at(-1)).toMatchObject({ ok: true, exit_code: 0, document: { ok: true, changes: 0 } });
    expect(events).toContainEqual(
      expect.objectContaining({ event: 'phase-end', phase: 'Reaching the hosts', ok: true }),
    );
    for (const member of ['core-01', 'core-02', 'core-03'])
      expect(events).toContainEqual(expect.objectContaining({ event: 'member', member, state: 'done' }));

    const logs = await runLogs(project.directory);
    const steps = parseEvents(logs[0]?.text ?? '').filter((event) => event.event === 'step');
    expect(new Set(steps.map(({ member }) => member)).size).toBe(3);
    expect(logs.at(-1)?.text.trim().split('\n').at(-1)).toBe(stdout.split('\n').at(-1));
    const keys = await privateKeyLines(join(project.directory, '.coreup'));
    expect(keys.length).toBeGreaterThan(5);
    for (const { text, mode } of logs) {
      expect(mode & 0o777).toBe(0o600);
      expect(keys.filter((key) => text.includes(key))).toEqual([]);
    }
  });

  it('runs the real etcdctl, in both APIs, with its exit code', async () => {
    expect((await project.coreup(['etcdctl', '--', 'put', 'greeting', "it's me"])).stdout).toBe('OK');
    expect((await project.coreup(['etcdctl', '--', 'get', 'greeting', '--print-value-only'])).stdout).toBe("it's me");
    expect((await project.coreup(['etcdctl', '--', 'cluster-health'])).stdout).toMatch(/\ncluster is healthy$/);
    const list = await project.coreup(['etcdctl', '--', 'member', 'list'], { env: { ETCDCTL_API: '2' } });
    expect(list.stdout).toMatch(
      /^[0-9a-f]+: name=core-01 peerURLs=https:\/\/172\.17\.8\.101:2380 clientURLs=https:\/\/172\.17\.8\.101:2379 isLeader=(true|false)$/m,
    );
    const bad = await project.coreup(['etcdctl', '--', 'no-such-command']);
    expect(bad.code).not.toBe(0);
  });

  it('logs in: exit codes, stdin, and words that need quoting', async () => {
    expect((await project.coreup(['ssh', 'core-02', '--', 'exit 7'])).code).toBe(7);
    const echo = await project.coreup(['ssh', 'core-02', '--', 'printf', '%s|', 'a b', "it's", '$HOME']);
    expect(echo).toMatchObject({ code: 0, stdout: "a b|it's|$HOME|" });
    expect((await project.coreup(['ssh', 'core-03', '--', 'cat; hostname'], { input: 'in' })).stdout).toBe('incore-03');
    const unknown = await project.coreup(['ssh', 'core-3', '--', 'true']);
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain('did you mean core-03?');
  });

  it('runs a command on all members, and tells where it failed', async () => {
    const done = await project.json<ExecDocument>(['exec', '--', 'hostname; test $(hostname) != core-02']);
    expect(done.exitCode).toBe(1);
    expect(done.members).toEqual([
      { name: 'core-01', code: 0, stdout: 'core-01\n', stderr: '' },
      { name: 'core-02', code: 1, stdout: 'core-02\n', stderr: '' },
      { name: 'core-03', code: 0, stdout: 'core-03\n', stderr: '' },
    ]);
  });

  it('shows the journal of a unit', async () => {
    const { code, stdout } = await project.coreup(['logs', 'core-01', 'etcd2', '-n', '500']);
    expect(code).toBe(0);
    expect(stdout).toContain('ready to serve client requests');
  });

  it('prints a configuration that ssh, scp and rsync work with', async () => {
    const scratch = await mkdtemp(join(tmpdir(), 'coreup-e2e-scp-'));
    const config = join(scratch, 'ssh.conf');
    await writeFile(config, (await project.coreup(['ssh-config'])).stdout);
    await writeFile(join(scratch, 'file'), 'content');
    expect((await execa('ssh', ['-F', config, 'core-01', 'hostname'])).stdout).toBe('core-01');
    await execa('scp', ['-q', '-F', config, join(scratch, 'file'), 'core-02:copied']);
    await execa('rsync', ['-e', `ssh -F ${config}`, 'core-02:copied', join(scratch, 'back')]);
    expect(await readFile(join(scratch, 'back'), 'utf8')).toBe('content');
    await rm(scratch, { recursive: true });
  });

  it('mends one host without touching the others', async () => {
    const before = await processes(project);
    const breakage = 'sudo systemctl stop etcd2 && sudo rm /etc/systemd/system/etcd2.service.d/20-cloudinit.conf';
    expect((await project.coreup(['ssh', 'core-02', '--', breakage])).code).toBe(0);
    expect(await project.json<StatusDocument>(['status'])).toMatchObject({ healthy: false, exitCode: 1 });
    const mended = await project.json<UpDocument>(['up']);
    expect(mended).toMatchObject({ ok: true, exitCode: 0 });
    expect(mended.changes).toBeGreaterThan(0);
    const after = await processes(project);
    expect({ ...after, 'core-02': '' }).toEqual({ ...before, 'core-02': '' });
    expect(after['core-02']).not.toBe(before['core-02']);
  });

  it('rolls a changed setting out one member at a time, and never loses a write', async () => {
    await project.configure(`{ cluster_name: 'e2e-up', num_instances: 3, etcd: { snapshot_count: 5000 } }`);
    const changed = await project.json<UpDocument>(['up']);
    expect(changed).toMatchObject({ ok: true, exitCode: 0 });
    const environment = await project.json<ExecDocument>([
      'exec',
      '--',
      'sudo cat /proc/$(pidof etcd)/environ | tr "\\0" "\\n"',
    ]);
    for (const { stdout } of environment.members) expect(stdout).toContain('ETCD_SNAPSHOT_COUNT=5000\n');
    expect((await project.coreup(['etcdctl', '--', 'get', 'greeting', '--print-value-only'])).stdout).toBe("it's me");
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0 });
  });

  it('says what the removal of one member costs, and nothing of the kind of all', async () => {
    const { code, stdout, stderr } = await project.coreup(['destroy', 'core-03', '--yes']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'core-03 is gone' });
    expect(stderr).toMatch(/core-03: etcd goes on counting this as a member/);
    const all = await project.coreup(['destroy', '--yes']);
    expect(all.code).toBe(0);
    expect(all.stderr).not.toContain('etcd');
  });
});

/** Process IDs and start times of each member's etcd: equal only if nothing was restarted. */
async function processes(project: TestProject): Promise<Record<string, string>> {
  const document = await project.json<ExecDocument>(['exec', '--', 'cut -d" " -f1,22 /proc/$(pidof etcd)/stat']);
  return Object.fromEntries(document.members.map(({ name, stdout }) => [name, stdout]));
}

/** The logs of runs, oldest first. */
async function runLogs(directory: string): Promise<readonly { readonly text: string; readonly mode: number }[]> {
  const logs = join(directory, '.coreup', 'logs');
  const names = (await readdir(logs)).sort();
  return Promise.all(
    names.map(async (name) => ({
      text: await readFile(join(logs, name), 'utf8'),
      mode: (await stat(join(logs, name))).mode,
    })),
  );
}

/** Lines in the middle of all private keys below a directory. */
async function privateKeyLines(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const texts = await Promise.all(
    entries.filter((entry) => entry.isFile()).map((entry) => readFile(join(entry.parentPath, entry.name), 'utf8')),
  );
  const keys = texts.filter((text) => text.includes('PRIVATE KEY-----'));
  return keys.flatMap((text) => text.split('\n').filter((line) => line.length > 40 && !line.startsWith('-----')));
}
