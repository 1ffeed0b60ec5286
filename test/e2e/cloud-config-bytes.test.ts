import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { explain } from '../../src/cloud-config/explain.js';
import { effectiveFiles } from '../../src/cloud-config/interpret.js';
import { readUserData } from '../../src/cloud-config/read-user-data.js';
import type { HostState } from '../../src/cluster/host-state.js';
import { persistentPath } from '../../src/plan/persist.js';
import { SAMPLES } from '../fixtures/cloud-configs.js';
import { expectedFile, readFiles, type OnHost } from './lab/host-files.js';
import { requireIsolation } from './lab/isolation.js';
import { withEtcd } from './lab/member-settings.js';
import { TestProject } from './lab/project.js';
import type { UpDocument } from './lab/shapes.js';
import { installCoreosStandIns } from './lab/stand-ins.js';

const ADDRESS = '172.17.8.101';

/** One host gets one cloud-config after the other: what the one before left behind must go as well. */
describe('what explain says is what is on the host, byte for byte', () => {
  let project: TestProject;
  const on: OnHost = async (command) => {
    const { code, stdout, stderr } = await project.coreup(['ssh', 'core-01', '--', command]);
    expect({ command, code, stderr: stderr.trim() }).toEqual({ command, code: 0, stderr: '' });
    return stdout;
  };

  beforeAll(async () => {
    requireIsolation();
    project = await TestProject.create(`{ cluster_name: 'e2e-bytes' }`, { 'user-data': withEtcd('#cloud-config\n') });
    expect((await project.coreup(['up'])).code).toBe(0);
    await installCoreosStandIns(on);
  });
  afterAll(() => project.dispose());

  const written: string[] = [];

  it.each(SAMPLES)('$name', async ({ text }) => {
    await writeFile(join(project.directory, 'user-data'), withEtcd(text));
    const { code, stderr } = await project.coreup(['up']);
    expect({ code, problem: code === 0 ? '' : stderr }).toEqual({ code: 0, problem: '' });
    const state = readUserData(
      { file: 'user-data-1', text: await readFile(join(project.directory, 'user-data-1')) },
      { vars: { public_ipv4: ADDRESS, private_ipv4: ADDRESS }, hostname: 'core-01' },
    ).state;

    await compare(on, state);
    expect(await leftOver(on, written, state)).toEqual([]);
    written.push(...placed(state).keys());
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0 });

    expect((await project.coreup(['reload'])).code).toBe(0);
    await compare(on, state);
    expect(await project.json<UpDocument>(['up'])).toMatchObject({ ok: true, changes: 0 });
    expect(await on('find / -xdev -name ".coreup.*" 2>/dev/null || true')).toBe('');
  });
});

/** The files of a state by the path at which they survive a reboot; under /etc wins over under /run. */
function placed(state: HostState): Map<string, HostState['files'][number]> {
  const files = effectiveFiles(state);
  const own = new Set(files.map(({ path }) => path));
  const masked = new Set(state.units.filter(({ mask }) => mask).map(({ name }) => `/etc/systemd/system/${name}`));
  return new Map(
    files.flatMap((file) => {
      const path = persistentPath(file.path);
      return masked.has(path) || (path !== file.path && own.has(path)) ? [] : [[path, file] as const];
    }),
  );
}

async function compare(on: OnHost, state: HostState): Promise<void> {
  const files = placed(state);
  const seen = await readFiles(on, [...files.keys()]);
  const expected = new Map([...files].map(([path, file]) => [path, expectedFile(file, seen.get(path))]));
  expect(Object.fromEntries(seen)).toEqual(Object.fromEntries(expected));

  const explained = explain(state);
  for (const { path, content = '' } of explained.files.filter(({ merged }) => merged)) {
    const lines = (await on(`cat ${path}`)).split('\n');
    for (const line of content.trim().split('\n')) expect(lines).toContain(line);
  }
  expect(await on('cat /proc/sys/kernel/hostname')).toBe(explained.hostname ?? 'core-01');
  await compareUnits(on, explained);
  for (const [user, keys] of Object.entries(explained.ssh_authorized_keys)) {
    const lines = (await on(`sudo sh -c 'cat ~${user}/.ssh/authorized_keys'`)).split('\n');
    for (const key of keys) expect(lines).toContain(key);
  }
  await compareUsers(on, state);
}

async function compareUnits(on: OnHost, { units, commands }: ReturnType<typeof explain>): Promise<void> {
  for (const { name, mask, enable } of units) {
    const state = await on(`systemctl is-enabled -- ${name} 2>/dev/null || true`);
    if (mask) expect([name, state]).toEqual([name, 'masked']);
    else if (enable) expect([name, state]).toEqual([name, 'enabled']);
    else expect(state).not.toMatch(/masked|enabled/);
  }
  const last = new Map(commands.map(([verb, unit]) => [unit, verb]));
  for (const [unit, verb] of last) {
    // After a boot the commands run in the background.
    const wanted = verb === 'stop' || verb.endsWith('try-restart') ? /inactive/ : /^active/;
    const state = await on(
      `for i in 1 2 3 4 5 6 7 8 9 10; do s=$(systemctl is-active -- ${unit}); [ "$s" = activating ] || break; sleep 0.3; done; echo $s`,
    );
    expect([unit, state]).toEqual([unit, expect.stringMatching(wanted)]);
  }
}

async function compareUsers(on: OnHost, state: HostState): Promise<void> {
  const first = [...new Map([...state.users].reverse().map((user) => [user.name, user])).values()];
  for (const user of first) {
    const [passwd = '', shadow = '', groups = '', group = ''] = (
      await on(`getent passwd ${user.name}; sudo getent shadow ${user.name}; id -Gn ${user.name}; id -gn ${user.name}`)
    ).split('\n');
    const [, , uid, , gecos, home, shell] = passwd.split(':');
    expect(shadow.split(':')[1]).toBe(user.passwordHash ?? '*');
    expect(gecos).toBe(user.gecos ?? '');
    expect(home).toBe(user.homeDir ?? `/home/${user.name}`);
    if (user.shell !== undefined) expect(shell).toBe(user.shell);
    expect(group).toBe(user.primaryGroup ?? user.name);
    expect(groups.split(' ')).toEqual(expect.arrayContaining([...user.groups]));
    expect(Number(uid) < 1000).toBe(user.system);
    expect(await on(`[ -d '${home}' ] && echo home || echo none`)).toBe(user.noCreateHome ? 'none' : 'home');
  }
}

/** Files of earlier documents that this one has not, and that are still there. */
async function leftOver(on: OnHost, written: readonly string[], state: HostState): Promise<string[]> {
  const wanted = placed(state);
  const gone = [...new Set(written)].filter((path) => !wanted.has(path));
  if (gone.length === 0) return [];
  const masks = state.units.filter(({ mask }) => mask).map(({ name }) => `/etc/systemd/system/${name}`);
  // These the host had before, and has again.
  const hosts = ['/etc/environment', '/etc/hosts'];
  return [...(await readFiles(on, gone))].flatMap(([path, seen]) =>
    seen === undefined || masks.includes(path) || hosts.includes(path) ? [] : [path],
  );
}
