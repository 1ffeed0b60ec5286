import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Cluster } from '../../../src/cluster/types.js';
import { cgroupRoot } from '../../../src/providers/local/cgroup.js';
import { generateHostKey } from '../../../src/providers/local/host-key.js';
import { imagePath } from '../../../src/providers/local/image.js';
import { assertOwnRoute } from '../../../src/providers/local/network.js';
import { LocalProvider, type LocalOptions } from '../../../src/providers/local/provider.js';
import { readRoutes } from '../../../src/providers/local/routes.js';
import { Store } from '../../../src/providers/local/store.js';
import { memberAddress } from '../../../src/providers/local/subnet.js';
import { formatKnownHost } from '../../../src/ssh/known-hosts.js';

/** Two real hosts. */
const run = promisify(execFile);
const subnet = '10.77.5.0/24';
const scratch = mkdtempSync(join(tmpdir(), 'coreup-local-'));
const key = join(scratch, 'key');
const dataDir = join(scratch, 'data');
const pair = await generateHostKey('e2e');
const options: LocalOptions = {
  cluster: 'e2e',
  project: join(scratch, 'project'),
  subnet,
  authorizedKey: pair.publicKey,
  identityFile: key,
  dataDir,
};
const store = new Store('e2e', dataDir);
const provider = new LocalProvider(options);
const cluster = clusterOf('e2e', 2);
const [first, second] = cluster.members as [Cluster['members'][number], Cluster['members'][number]];
const names = cluster.members.map((member) => member.name);
const notes: string[] = [];
const progress = (note: string, member?: string) => void notes.push(`${member ?? '-'}: ${note}`);

jest.setTimeout(120_000);

/** What a machine must look like again once the last host is gone. */
interface Trace {
  processes: string[];
  mounts: string[];
  interfaces: string[];
  cgroups: string[];
  files: string[];
  locks: string[];
}
let before: Trace;

beforeAll(() => {
  if (readRoutes().routes.some((route) => route.prefix === 0)) {
    throw new Error('this network namespace has a default route; hosts are booted only where there is no way out');
  }
  if (!existsSync(imagePath({ suite: 'bookworm' }))) throw new Error('build the host image first: coreup image');
  writeFileSync(key, pair.privateKey, { mode: 0o600 });
  before = trace();
});

afterEach(async () => {
  await provider.remove(names, progress);
  notes.length = 0;
});

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe('the life of two hosts', () => {
  it('starts them, lets core log in, reboots, stops, keeps their disks and leaves nothing behind', async () => {
    expect(await provider.check(cluster)).toEqual([]);
    expect(await provider.ensure(cluster, progress)).toEqual(['core-01', 'core-02']);
    expect(await provider.status(cluster)).toEqual(
      new Map([
        ['core-01', 'running'],
        ['core-02', 'running'],
      ]),
    );
    for (const member of cluster.members) expect(await banner(provider.target(member).address)).toMatch(/^SSH-2\.0-/);

    expect(await ssh(first, 'systemctl is-system-running --wait; hostname; id -u')).toBe('running\ncore-01\n500');
    expect(await ssh(first, 'sudo -n id -u; systemctl is-enabled etcd || :')).toBe('0\ndisabled');
    expect(await ssh(first, `ping -c1 -W2 -q ${provider.target(second).address} >/dev/null && echo there`)).toBe(
      'there',
    );
    expect(await ssh(first, 'journalctl -q -u ssh -n1 | wc -l')).toBe('1');

    // Nothing to do is told as such, and the boot that is there stays.
    const boot = await ssh(first, 'cat /proc/sys/kernel/random/boot_id; echo kept > kept');
    expect(await provider.check(cluster)).toEqual([]);
    expect(await provider.ensure(cluster, progress)).toEqual([]);
    expect(await ssh(first, 'cat /proc/sys/kernel/random/boot_id')).toBe(boot);

    await provider.reboot([first], progress);
    await banner(provider.target(first).address);
    const rebooted = await ssh(first, 'cat /proc/sys/kernel/random/boot_id; cat kept');
    expect(rebooted).not.toContain(boot);
    expect(rebooted).toContain('kept');

    await provider.stop(cluster.members, progress);
    expect(notes.filter((note) => note.includes('power cut'))).toEqual([]);
    expect([...(await provider.status(cluster)).values()]).toEqual(['stopped', 'stopped']);
    expect(await provider.ensure(cluster, progress)).toEqual(['core-01', 'core-02']);
    await banner(provider.target(first).address);
    expect(await ssh(first, 'cat kept')).toBe('kept');

    await provider.remove(['core-01'], progress);
    expect(await provider.existing()).toEqual(['core-02']);
    expect(await provider.ensure(cluster, progress)).toEqual(['core-01']);
    await provider.remove(['core-01', 'core-02', 'core-03'], progress);
    expect([...(await provider.status(cluster)).values()]).toEqual(['absent', 'absent']);
    expect(trace()).toEqual(before);
  });

  it('lets a new key in and the old one out while they run', async () => {
    await provider.ensure(cluster, progress);
    const newer = await generateHostKey('newer');
    const file = join(scratch, 'newer');
    writeFileSync(file, newer.privateKey, { mode: 0o600 });
    await new LocalProvider({ ...options, authorizedKey: newer.publicKey }).ensure(cluster, progress);
    await banner(provider.target(first).address);
    expect(await ssh(first, 'echo in', file)).toBe('in');
    await expect(ssh(first, 'echo in')).rejects.toThrow('Permission denied');
  });

  it('comes back after a power loss', async () => {
    await provider.ensure(cluster, progress);
    await banner(provider.target(first).address);
    await ssh(first, 'echo kept > kept; sync');
    writeFileSync(join(store.host('core-01').cgroup, 'cgroup.kill'), '1');
    await until('core-01 is off', async () => (await provider.status(cluster)).get('core-01') === 'stopped');
    expect(await provider.ensure(cluster, progress)).toEqual(['core-01']);
    await banner(provider.target(first).address);
    expect(await ssh(first, 'cat kept')).toBe('kept');
  });
});

describe('killed at any moment', () => {
  const moments = ['core-01: creating', 'core-02: creating', 'core-01: starting', 'core-02: starting'];

  it.each([
    ...moments.map((note) => [note, 0] as const),
    ['core-01: starting', 15],
    ['core-01: starting', 60],
  ] as const)('during ensure, at "%s" and %i ms: the next ensure completes it', async (note, milliseconds) => {
    await killedWhile('ensure', note, milliseconds);
    await provider.ensure(cluster, progress);
    for (const member of cluster.members) await banner(provider.target(member).address);
    expect(await ssh(second, 'hostname')).toBe('core-02');
    expect(readdirSync(store.hosts).sort()).toEqual(['core-01', 'core-02']);
    await provider.remove(names, progress);
    expect(trace()).toEqual(before);
  });

  it.each([
    ['core-01: removing', 0],
    ['core-02: removing', 0],
    ['core-01: removing', 10],
    ['core-01: removing', 25],
  ])('during remove, at "%s" and %i ms: the next remove completes it', async (note, milliseconds) => {
    await provider.ensure(cluster, progress);
    await killedWhile('remove', note, milliseconds);
    await provider.remove(names, progress);
    expect(trace()).toEqual(before);
  });
});

describe('what is refused', () => {
  it('names the other project that has the cluster, and touches nothing of it', async () => {
    await provider.ensure(cluster, progress);
    const other = new LocalProvider({ ...options, project: '/elsewhere' });
    const problems = await other.check(cluster);
    expect(problems).toEqual([
      expect.objectContaining({ blame: 'input', message: expect.stringContaining(options.project) }),
    ]);
    await expect(other.ensure(cluster, progress)).rejects.toMatchObject({ code: 'LOCAL_CLUSTER_TAKEN', exitCode: 2 });
    await expect(other.remove(names, progress)).rejects.toMatchObject({ code: 'LOCAL_CLUSTER_TAKEN' });
    expect((await provider.status(cluster)).get('core-01')).toBe('running');
  });

  it('proposes a subnet that works where the one asked for is taken', async () => {
    await provider.ensure(cluster, progress);
    const neighbour = clusterOf('neighbour', 1);
    const wanted = { ...options, cluster: 'neighbour', subnet: '10.77.0.0/16' };
    const [problem] = await new LocalProvider(wanted).check(neighbour);
    expect(problem).toMatchObject({ blame: 'input', message: expect.stringContaining('the cluster e2e') });
    const free = /subnet: '(.*?)'/.exec(problem?.remedy ?? '')?.[1] ?? '';
    expect(await new LocalProvider({ ...wanted, subnet: free }).check(neighbour)).toEqual([]);
  });

  it('never takes an address for its own whose route is not over the bridge', async () => {
    await provider.ensure(cluster, progress);
    const { address } = provider.target(first);
    await expect(assertOwnRoute(address, store.bridge)).resolves.toBeUndefined();
    await run('ip', ['link', 'delete', store.bridge]);
    await expect(assertOwnRoute(address, store.bridge)).rejects.toMatchObject({ code: 'LOCAL_FOREIGN_ROUTE' });
    // The hosts were never touched; with the bridge made again their cables are plugged in again.
    expect(await provider.ensure(cluster, progress)).toEqual([]);
    expect(await banner(address)).toMatch(/^SSH-2\.0-/);
  });

  it('says that hosts run in another network namespace, and removes them from there all the same', async () => {
    await provider.ensure(cluster, progress);
    const outside = ['unshare', '--net'];
    await expect(elsewhere('ensure', outside)).resolves.toContain('LOCAL_OTHER_NAMESPACE');
    await expect(elsewhere('remove', outside)).resolves.toContain('done');
    await until('the interfaces are gone', () =>
      Promise.resolve(trace().interfaces.length === before.interfaces.length),
    );
    expect(trace()).toEqual(before);
  });
});

function clusterOf(name: string, count: number): Cluster {
  const members = Array.from({ length: count }, (_, offset) => {
    const address = memberAddress(subnet, offset + 1);
    const host = `core-0${offset + 1}`;
    return {
      ...{ index: offset + 1, name: host, role: 'etcd' as const, metadata: {} },
      ...{ publicIpv4: address, privateIpv4: address },
    };
  });
  return { name, members };
}

/** The moment at which a process kills itself: so many milliseconds after it said what it is at. */
interface Fate {
  readonly note: string;
  readonly milliseconds: number;
}

/** Runs one verb of the provider in a process of its own, which tells its progress and how it ended on stdout. */
function child(verb: 'ensure' | 'remove', wrapper: string[] = [], fate?: Fate) {
  const program = `
    // The strictest umask that a person may have.
    process.umask(0o077);
    const { createJiti } = await import('jiti');
    const jiti = createJiti(${JSON.stringify(process.cwd())} + '/', { fsCache: false });
    const { LocalProvider } = await jiti.import('./src/providers/local/provider.ts');
    const provider = new LocalProvider(${JSON.stringify(options)});
    const fate = ${JSON.stringify(fate ?? null)};
    const die = () => process.kill(process.pid, 'SIGKILL');
    const tell = (note, member = '-') => {
      process.stdout.write(member + ': ' + note + '\\n');
      if (fate?.note !== member + ': ' + note) return;
      if (fate.milliseconds === 0) die();
      setTimeout(die, fate.milliseconds);
    };
    const work = ${verb === 'ensure' ? `provider.ensure(${JSON.stringify(cluster)}, tell)` : `provider.remove(${JSON.stringify(names)}, tell)`};
    await work.then(() => tell('done'), (error) => tell(error.code));
  `;
  const words = [...wrapper, process.execPath, '--input-type=module', '-e', program];
  return spawn('env', words, { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Runs a verb that SIGKILL meets on its way; after some milliseconds it may have been faster than its fate. */
async function killedWhile(verb: 'ensure' | 'remove', note: string, milliseconds: number): Promise<void> {
  const running = child(verb, [], { note, milliseconds });
  running.stdout.resume();
  const [, signal] = (await once(running, 'exit')) as [number | null, string | null];
  if (milliseconds === 0) expect(signal).toBe('SIGKILL');
}

async function elsewhere(verb: 'ensure' | 'remove', wrapper: string[]): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of createInterface({ input: child(verb, wrapper).stdout })) lines.push(line.replace('-: ', ''));
  return lines;
}

async function ssh(member: Cluster['members'][number], command: string, identity = key): Promise<string> {
  const { address } = provider.target(member);
  await assertOwnRoute(address, store.bridge);
  const known = join(scratch, 'known_hosts');
  const pins = await provider.knownHosts(cluster);
  writeFileSync(known, pins.map((pin) => formatKnownHost(pin.address, pin.port, pin.key)).join(''));
  const settings = [`UserKnownHostsFile=${known}`, 'StrictHostKeyChecking=yes', 'IdentitiesOnly=yes', 'BatchMode=yes'];
  const flags = settings.flatMap((setting) => ['-o', setting]);
  const { stdout } = await run('ssh', ['-F', 'none', '-i', identity, ...flags, `core@${address}`, command]);
  return stdout.trim();
}

/** The first line that sshd says. Waits until it answers at all. */
async function banner(address: string): Promise<string> {
  await assertOwnRoute(address, store.bridge);
  let said = '';
  await until(`sshd on ${address} answers`, async () => {
    said = await new Promise<string>((resolve) => {
      const socket = connect({ host: address, port: 22, timeout: 500 });
      const end = (text: string) => {
        socket.destroy();
        resolve(text);
      };
      socket.once('data', (chunk) => end(chunk.toString()));
      socket.once('error', () => end(''));
      socket.once('timeout', () => end(''));
    });
    return said !== '';
  });
  return said;
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 20_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`waited for 20 s in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function trace(): Trace {
  const interfaces = readFileSync('/proc/net/dev', 'utf8').split('\n').slice(2);
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return {
    processes: pids
      .map((pid) => read(`/proc/${pid}/cmdline`).replaceAll('\0', ' '))
      .filter((command) => command.includes(dataDir) && !command.includes('--input-type')),
    // In any mount namespace: each has a process in it, or it would be gone.
    mounts: pids.filter((pid) => read(`/proc/${pid}/mountinfo`).includes(dataDir)),
    interfaces: interfaces.map((line) => line.split(':')[0]?.trim() ?? '').filter(Boolean),
    cgroups: list(join(cgroupRoot(), 'coreup')).filter((name) => name.startsWith('e2e.')),
    files: list(dataDir),
    locks: list('/run/systemd/nspawn/locks'),
  };
}

function list(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
