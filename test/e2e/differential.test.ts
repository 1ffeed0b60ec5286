import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { explain } from '../../src/cloud-config/explain.js';
import { effectiveFiles } from '../../src/cloud-config/interpret.js';
import { readUserData } from '../../src/cloud-config/read-user-data.js';
import { unitFilePath } from '../../src/cloud-config/unit-paths.js';
import type { HostState } from '../../src/cluster/host-state.js';
import { quote } from '../../src/util/shell.js';
import { SAMPLES } from '../fixtures/cloud-configs.js';
import { bootBareHosts, type BareHosts } from './lab/hosts.js';
import { expectedFile, readFiles, type OnHost } from './lab/host-files.js';
import { requireIsolation } from './lab/isolation.js';
import { TestProject } from './lab/project.js';
import { installCoreosStandIns } from './lab/stand-ins.js';

const BINARY = process.env['COREUP_TEST_COREOS_CLOUDINIT'];
const ADDRESS = '172.17.8.101';
const TITLE = 'coreos-cloudinit itself, on a throw-away host,';
/** Where it may write; what is newer there than the document came from it. */
const PLACES = '/etc /srv /opt /run/systemd/system /run/systemd/network /run/flannel /run/corpus /tmp';
/** Written by useradd, by systemd, and by hostnamed. */
const OTHERS =
  /^\/etc\/(passwd|shadow|group|gshadow|subuid|subgid|\.pwd\.lock|hostname)|\.wants\/|^\/tmp\/systemd-private/;

if (BINARY === undefined) {
  describe(TITLE, () => {
    it.skip('is not compared with: COREUP_TEST_COREOS_CLOUDINIT names no binary of it', () => undefined);
  });
} else {
  describe(TITLE, () => {
    let hosts: BareHosts;
    let project: TestProject;
    const ssh = async (command: string): Promise<string> => {
      const { stdout } = await project.coreup(['ssh', 'core-01', '--', command]);
      return stdout;
    };

    beforeAll(async () => {
      requireIsolation();
      hosts = await bootBareHosts(1);
      project = await TestProject.create(`{ cluster_name: 'differential', provider: ${hosts.providerConfig} }`);
      await put(project, await readFile(BINARY), '/usr/local/bin/coreos-cloudinit', '0755');
      await installCoreosStandIns(ssh);
      await ssh('sudo mkdir -p /etc/coreos /run/flannel /run/corpus /run/systemd/system /run/systemd/network');
    });
    afterAll(async () => {
      await project.dispose().catch(() => undefined);
      await hosts.dispose();
    });

    it.each(SAMPLES)('does with "$name" what coreup says', async ({ text }) => {
      const hostname = await ssh('hostname');
      const environment = await ssh('cat /etc/environment');
      await put(project, Buffer.from(text), '/var/tmp/user-data', '0600');
      const ended = await project.coreup([
        'ssh',
        'core-01',
        '--',
        `sudo env COREOS_PUBLIC_IPV4=${ADDRESS} COREOS_PRIVATE_IPV4=${ADDRESS} /usr/local/bin/coreos-cloudinit -from-file /var/tmp/user-data`,
      ]);
      expect({ code: ended.code, problem: ended.code === 0 ? '' : ended.stderr }).toEqual({ code: 0, problem: '' });

      const vars = { public_ipv4: ADDRESS, private_ipv4: ADDRESS };
      const { state } = readUserData({ file: 'user-data', text }, { vars, hostname });
      await compareTrees(ssh, state);
      await compareUnits(ssh, state);
      await compareUsers(ssh, state);
      const { hostname: named } = explain(state);
      if (named !== null) expect(await ssh('hostname')).toBe(named);
      for (const { path, content = '' } of explain(state).files.filter(({ merged }) => merged)) {
        const lines = (await ssh(`cat ${path}`)).split('\n');
        for (const line of content.trim().split('\n')) expect(lines).toContain(line);
      }
      await ssh(`printf %s ${quote(environment)} | sudo tee /etc/environment`);
    });
  });
}

/** Every file that it wrote, and no other, is as coreup says: path, content, mode and owner. */
async function compareTrees(on: OnHost, state: HostState): Promise<void> {
  const files = effectiveFiles(state);
  const seen = await readFiles(
    on,
    files.map(({ path }) => path),
  );
  const expected = files.map((file) => [file.path, expectedFile(file, seen.get(file.path))] as const);
  expect(Object.fromEntries(seen)).toEqual(Object.fromEntries(expected));

  const found = await on(
    `sudo find ${PLACES} -xdev \\( -type f -o -type l \\) -newercm /var/tmp/user-data -print0 | base64 -w0`,
  );
  const written = Buffer.from(found, 'base64').toString().split('\0');
  const known = new Set([
    ...files.map(({ path }) => path),
    ...state.edits.map(({ path }) => path),
    ...state.units.filter(({ mask }) => mask).map(({ name, runtime }) => unitFilePath(name, runtime)),
  ]);
  expect(written.filter((path) => path !== '' && !OTHERS.test(path) && !known.has(path))).toEqual([]);
}

async function compareUnits(on: OnHost, { units, commands }: HostState): Promise<void> {
  for (const { name, mask, enable } of units) {
    const state = await on(`systemctl is-enabled -- ${name} 2>/dev/null || true`);
    if (mask) expect([name, state]).toEqual([name, expect.stringMatching(/^masked/)]);
    else if (enable) expect([name, state]).toEqual([name, expect.stringMatching(/^enabled/)]);
    else expect(state).not.toMatch(/masked|enabled/);
  }
  const last = new Map(commands.map(({ verb, unit }) => [unit, verb]));
  for (const [unit, verb] of last) {
    const wanted = verb === 'stop' || verb.endsWith('try-restart') ? /inactive/ : /^active/;
    const state = await on(
      `for i in 1 2 3 4 5 6 7 8 9 10; do s=$(systemctl is-active -- ${unit}); [ "$s" = activating ] || break; sleep 0.3; done; echo $s`,
    );
    expect([unit, state]).toEqual([unit, expect.stringMatching(wanted)]);
  }
}

/** gecos has quotes around it there, since it is printed with %q and no shell takes them off; coreup leaves them out. */
async function compareUsers(on: OnHost, state: HostState): Promise<void> {
  const first = new Map([...state.users].reverse().map((user) => [user.name, user]));
  for (const user of first.values()) {
    const [passwd = '', shadow = '', group = '', groups = ''] = (
      await on(`getent passwd ${user.name}; sudo getent shadow ${user.name}; id -gn ${user.name}; id -Gn ${user.name}`)
    ).split('\n');
    const [, , , , gecos, home, shell] = passwd.split(':');
    expect({ hash: shadow.split(':')[1], gecos, home, group }).toEqual({
      hash: user.passwordHash ?? '*',
      gecos: user.gecos === undefined ? '' : `"${user.gecos}"`,
      home: user.homeDir ?? `/home/${user.name}`,
      group: user.primaryGroup ?? user.name,
    });
    if (user.shell !== undefined) expect(shell).toBe(user.shell);
    expect(groups.split(' ')).toEqual(expect.arrayContaining([...user.groups]));
  }
}

/** Copies bytes to a host without coreup's own way to write files. */
async function put(project: TestProject, bytes: Buffer, path: string, mode: string): Promise<void> {
  const running = project.start(['ssh', 'core-01', '--', `sudo sh -c 'cat >${path} && chmod ${mode} ${path}'`]);
  running.stdin.end(bytes);
  const { exitCode, stderr } = await running;
  if (exitCode !== 0) throw new Error(`${path} could not be written: ${stderr}`);
}
