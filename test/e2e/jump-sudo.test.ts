import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { quote } from '../../src/util/shell.js';
import { bootBareHosts, type BareHosts } from './lab/hosts.js';
import { requireIsolation } from './lab/isolation.js';
import { PROGRAM, TestProject } from './lab/project.js';
import type { UpDocument } from './lab/shapes.js';

const PASSPHRASE = 'pAssphrase-9f31';
const PASSWORD = 'sUdo-password-77c2';

/**
 * Machines as careful people have them: behind a jump host, logged in to with a protected key as a user whose sudo wants
 * a password. The third host is the way to the other two.
 */
describe.each([
  ['Debian 12', 'bookworm'],
  ['Debian 13', 'trixie'],
] as const)('%s through a jump host, with a passphrase and a sudo password', (_, suite) => {
  let hosts: BareHosts;
  let project: TestProject;
  let keys: string[];
  let key: string;

  beforeAll(async () => {
    requireIsolation();
    hosts = await bootBareHosts(3, suite);
    // Made with the hosts' own login; from then on only the user admin is used.
    const setup = await TestProject.create(`{ cluster_name: 'setup', provider: ${hosts.providerConfig} }`);
    key = join(setup.directory, 'admin');
    await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', PASSPHRASE, '-f', key]);
    const script = [
      'useradd --create-home --shell /bin/bash admin',
      'chpasswd',
      "echo 'admin ALL=(ALL) ALL' >/etc/sudoers.d/admin",
      'install -d -m 700 -o admin -g admin /home/admin/.ssh',
      `echo ${quote((await readFile(`${key}.pub`, 'utf8')).trim())} >/home/admin/.ssh/authorized_keys`,
    ].join(' && ');
    keys = [];
    for (const { name } of hosts.cluster.members) {
      const { code, stderr } = await setup.coreup(['ssh', name, '--', `sudo sh -c ${quote(script)}`], {
        input: `admin:${PASSWORD}\n`,
      });
      if (code !== 0) throw new Error(stderr);
      keys.push((await setup.coreup(['ssh', name, '--', 'cat /etc/ssh/ssh_host_ed25519_key.pub'])).stdout);
    }
    project = await TestProject.create(config(), { 'ssh.conf': sshConfig() });
  });
  afterAll(async () => {
    await hosts.dispose();
  });

  const addressOf = (index: number) => hosts.cluster.members[index]?.privateIpv4 ?? '';
  /** A configuration of the user's own; which keys are known is up to each test. */
  const sshConfig = () =>
    [
      'Host bastion',
      `  HostName ${addressOf(2)}`,
      'Match originalhost core-*',
      '  ProxyJump bastion',
      'Host core-a',
      `  HostName ${addressOf(0)}`,
      'Host core-b',
      `  HostName ${addressOf(1)}`,
      'Host *',
      '  User admin',
      `  IdentityFile ${JSON.stringify(key)}`,
      '  IdentitiesOnly yes',
      '  UserKnownHostsFile /dev/null',
      '',
    ].join('\n');
  const config = (hostKeys: readonly (string | undefined)[] = keys) => {
    const members = ['core-a', 'core-b'].map((address, index) => ({
      address,
      private_ipv4: addressOf(index),
      host_key: hostKeys[index]?.split(' ').slice(0, 2).join(' '),
    }));
    return `{
      cluster_name: 'e2e-jump',
      provider: { kind: 'ssh', hosts: ${JSON.stringify(members)} },
      ssh: { config_file: 'ssh.conf', connect_timeout: 20 },
    }`;
  };

  it('refuses without a terminal: the unknown jump host first, then the protected key', async () => {
    const unknown = await project.json<UpDocument>(['up']);
    expect(unknown).toMatchObject({ ok: false, changes: 0, exitCode: 1 });
    expect(unknown.members.map(({ error }) => error)).toEqual([
      expect.stringContaining('the private key'),
      expect.stringContaining('the private key'),
    ]);
  });

  it('refuses a wrong and a changed host key behind the jump host, with both fingerprints', async () => {
    const known = join(project.directory, '.coreup', 'known_hosts');
    await project.configure(config([keys[1], keys[1]]));
    const wrong = await onTerminal(['up'], [[/Trust this key/, 'y'], [/Passphrase/, PASSPHRASE]]); // prettier-ignore
    expect(wrong.code).toBe(1);
    expect(wrong.text).toMatch(/core-01 .*the host key has changed: expected SHA256:\S+ \(ssh-ed25519, the config\)/);
    // The key of the jump host was agreed to and is pinned; core-01 was seen and not trusted.
    expect(await readFile(known, 'utf8')).toContain(addressOf(2));

    await project.configure(config([undefined, keys[1]]));
    await writeFile(known, `${await readFile(known, 'utf8')}${addressOf(0)} ${keys[2] ?? ''}\n`);
    const changed = await onTerminal(['up'], [[/Passphrase/, PASSPHRASE]]);
    expect(changed.code).toBe(1);
    expect(changed.text.replace(/\s+/g, ' ')).toMatch(/known_hosts:\d+\).*received SHA256:/);
  });

  it('asks for each secret once, and brings the cluster up; no secret shows anywhere', async () => {
    await project.configure(config());
    const seen = watchProcesses();
    const { code, text } = await onTerminal(
      ['up'],
      [
        [/Passphrase for the key/, PASSPHRASE],
        [/sudo password of admin/, 'wr0ng-one'],
        [/Wrong on core-0\d/, PASSWORD],
        [/Make these changes/, 'y'],
      ],
    );
    const { processes, environments } = seen.stop();
    expect(text).toContain('is up and healthy');
    expect(code).toBe(0);
    expect(text.split('Passphrase for').length - 1).toBe(1);
    // What was watched holds the program itself, or the rest would say nothing.
    expect(processes).toContain(PROGRAM);

    const files = await filesBelow(project.directory);
    for (const secret of [PASSPHRASE, PASSWORD, 'wr0ng-one']) {
      expect([text, processes, environments].map((where) => where.includes(secret))).toEqual([false, false, false]);
      for (const file of files) expect((await readFile(file)).includes(secret)).toBe(false);
    }
  });

  it('takes the sudo password from a file where there is no terminal, and finds nothing to do', async () => {
    const agent = await execa('ssh-agent', ['-a', join(project.directory, 'agent')]);
    const pid = Number(/SSH_AGENT_PID=(\d+)/.exec(agent.stdout)?.[1]);
    try {
      const env = { SSH_AUTH_SOCK: join(project.directory, 'agent') };
      const askpass = join(project.directory, 'askpass');
      await writeFile(askpass, `#!/bin/sh\necho ${PASSPHRASE}\n`, { mode: 0o700 });
      await execa('ssh-add', [key], { env: { ...env, SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: 'force' } });
      const without = await project.coreup(['up'], { env });
      expect(without.code).toBe(1);
      expect(without.stderr).toContain('COREUP_SUDO_PASSWORD_FILE');
      const file = join(project.directory, 'password');
      await writeFile(file, `${PASSWORD}\n`, { mode: 0o600 });
      const again = await project.coreup(['up', '--json'], { env: { ...env, COREUP_SUDO_PASSWORD_FILE: file } });
      expect(JSON.parse(again.stdout)).toMatchObject({ ok: true, changes: 0 });
      // OpenSSH's own tools go the same way with what coreup prints; to a jump host ssh hands -F on without quotes.
      const text = (await project.coreup(['ssh-config'])).stdout;
      await writeFile(join(project.directory, 'printed.conf'), text);
      const own = await execa('ssh', ['-F', 'printed.conf', 'core-02', 'hostname'], { env, cwd: project.directory });
      expect(own.stdout).toBe('core-02');
    } finally {
      process.kill(pid);
    }
  });

  /** Runs the program on a terminal of its own, and types an answer each time a question shows. */
  async function onTerminal(args: readonly string[], answers: readonly (readonly [RegExp, string])[]) {
    const command = [process.execPath, PROGRAM, ...args].map(quote).join(' ');
    const child = spawn('script', ['-qec', command, '/dev/null'], {
      cwd: project.directory,
      env: { ...process.env, NO_COLOR: '1', CI: 'true', SSH_AUTH_SOCK: '' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let text = '';
    let from = 0;
    let next = 0;
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      const [question, answer] = answers[next] ?? [];
      const match = question?.exec(text.slice(from));
      if (match === null || match === undefined || answer === undefined) return;
      next++;
      from = text.length;
      child.stdin.write(`${answer}\r`);
    });
    // A question that nobody expects must not keep the test.
    const timer = setTimeout(() => child.kill(), 100_000);
    const [code] = (await once(child, 'close')) as [number];
    clearTimeout(timer);
    return { code, text };
  }
});

/** Collects the command lines and environments of all processes until it is stopped, but not this test's own. */
function watchProcesses() {
  const commands = new Set<string>();
  const environments = new Set<string>();
  const read = (file: string) => {
    try {
      return readFileSync(file, 'latin1').replaceAll('\0', ' ');
    } catch {
      return ''; // it has ended meanwhile
    }
  };
  const look = () => {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
      commands.add(read(`/proc/${pid}/cmdline`));
      environments.add(read(`/proc/${pid}/environ`));
    }
  };
  const timer = setInterval(look, 25);
  return {
    stop() {
      clearInterval(timer);
      return { processes: [...commands].join('\n'), environments: [...environments].join('\n') };
    },
  };
}

async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
