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
  const checks = [
    ...explained.files.filter(({ merged }) => merged).map(hasLines),
    asks('cat /proc/sys/kernel/hostname', (name) => expect(name).toBe(explained.hostname ?? 'core-01')),
    ...unitChecks(explained),
    ...Object.entries(explained.ssh_authorized_keys).map(([user, keys]) =>
      hasLines({ path: `~${user}/.ssh/authorized_keys`, content: keys.join('\n') }),
    ),
    ...userChecks(state),
  ];
  // One login for all of them.
  const answers = (await on(checks.map(({ command }) => `${command}; printf '\\036'`).join('\n'))).split('\x1e');
  checks.forEach(({ check }, index) => check(answers[index]?.trimEnd() ?? ''));
}

/** A question to the host, and what is expected of the answer. */
interface Check {
  readonly command: string;
  readonly check: (answer: string) => void;
}

function asks(command: string, check: Check['check']): Check {
  return { command, check };
}

function hasLines({ path, content = '' }: { readonly path: string; readonly content?: string }): Check {
  return asks(`sudo sh -c 'cat ${path}'`, (text) => {
    const lines = text.split('\n');
    for (const line of content.trim().split('\n')) expect(lines).toContain(line);
  });
}

function unitChecks({ units, commands }: ReturnType<typeof explain>): Check[] {
  const last = new Map(commands.map(([verb, unit]) => [unit, verb]));
  return [
    ...units.map(({ name, mask, enable }) =>
      asks(`systemctl is-enabled -- ${name} 2>/dev/null`, (state) => {
        if (mask) expect([name, state]).toEqual([name, 'masked']);
        else if (enable) expect([name, state]).toEqual([name, 'enabled']);
        else expect(state).not.toMatch(/masked|enabled/);
      }),
    ),
    // After a boot the commands run in the background.
    ...[...last].map(([unit, verb]) =>
      asks(
        `timeout 60 sh -c 'while [ "$(systemctl is-active -- ${unit})" = activating ]; do sleep 0.1; done'; systemctl is-active -- ${unit}`,
        (state) => {
          const wanted = verb === 'stop' || verb.endsWith('try-restart') ? /inactive/ : /^active/;
          expect([unit, state]).toEqual([unit, expect.stringMatching(wanted)]);
        },
      ),
    ),
  ];
}

function userChecks(state: HostState): Check[] {
  const first = [...new Map([...state.users].reverse().map((user) => [user.name, user])).values()];
  return first.map((user) => {
    const home = user.homeDir ?? `/home/${user.name}`;
    return asks(
      `getent passwd ${user.name}; sudo getent shadow ${user.name}; id -Gn ${user.name}; id -gn ${user.name}; [ -d '${home}' ] && echo home || echo none`,
      (answer) => {
        const [passwd = '', shadow = '', groups = '', group = '', seen = ''] = answer.split('\n');
        const [, , uid, , gecos, directory, shell] = passwd.split(':');
        expect(shadow.split(':')[1]).toBe(user.passwordHash ?? '*');
        expect(gecos).toBe(user.gecos ?? '');
        expect(directory).toBe(home);
        if (user.shell !== undefined) expect(shell).toBe(user.shell);
        expect(group).toBe(user.primaryGroup ?? user.name);
        expect(groups.split(' ')).toEqual(expect.arrayContaining([...user.groups]));
        expect(Number(uid) < 1000).toBe(user.system);
        expect(seen).toBe(user.noCreateHome ? 'none' : 'home');
      },
    );
  });
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
