import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { makeAdmin } from './lab/admin.js';
import { startAgent } from './lab/agent.js';
import { bootBareHosts, type BareHosts } from './lab/hosts.js';
import { requireIsolation } from './lab/isolation.js';
import { watchProcesses } from './lab/processes.js';
import { PROGRAM, TestProject } from './lab/project.js';
import { Secrets } from './lab/secrets.js';
import { onTerminal, timesIn } from './lab/terminal.js';
import type { UpDocument } from './lab/shapes.js';

const PASSPHRASE = 'pAssphrase-9f31';
const PASSWORD = 'sUdo-password-77c2';
const WRONG = 'wr0ng-one-51ae';

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
  let keys: readonly string[];
  let key: string;

  beforeAll(async () => {
    requireIsolation();
    hosts = await bootBareHosts(3, suite);
    const admin = await makeAdmin(hosts, { passphrase: PASSPHRASE, password: PASSWORD });
    [key, keys] = [admin.key, admin.hostKeys];
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
    const wrong = await onTerminal(project, ['up'], [[/Trust this key/, 'y'], [/Passphrase/, PASSPHRASE]]); // prettier-ignore
    expect(wrong.code).toBe(1);
    expect(wrong.text).toMatch(/core-01 .*the host key has changed: expected SHA256:\S+ \(ssh-ed25519, the config\)/);
    // The key of the jump host was agreed to and is pinned; core-01 was seen and not trusted.
    expect(await readFile(known, 'utf8')).toContain(addressOf(2));

    await project.configure(config([undefined, keys[1]]));
    await writeFile(known, `${await readFile(known, 'utf8')}${addressOf(0)} ${keys[2] ?? ''}\n`);
    const changed = await onTerminal(project, ['up'], [[/Passphrase/, PASSPHRASE]]);
    expect(changed.code).toBe(1);
    expect(changed.text.replace(/\s+/g, ' ')).toMatch(/known_hosts:\d+\).*received SHA256:/);
  });

  it('asks for each secret once, and brings the cluster up; no secret shows anywhere', async () => {
    await project.configure(config());
    const seen = watchProcesses();
    const { code, text } = await onTerminal(
      project,
      ['up'],
      [
        [/Passphrase for the key/, PASSPHRASE],
        [/sudo password of admin/, WRONG],
        [/Wrong on core-0\d/, PASSWORD],
        [/Make these changes/, 'y'],
      ],
    );
    const processes = seen.stop();
    expect(text).toContain('is up and healthy');
    expect(code).toBe(0);
    expect(timesIn(text, 'Passphrase for')).toBe(1);
    // What was watched holds the program itself, or the rest would say nothing.
    expect(processes.some((one) => one.text.includes(PROGRAM))).toBe(true);

    const secrets = new Secrets({ passphrase: PASSPHRASE, password: PASSWORD, 'wrong password': WRONG });
    expect(secrets.inText('terminal', text)).toEqual([]);
    expect(processes.flatMap((one) => secrets.inText(one.where, one.text))).toEqual([]);
    expect(await secrets.inFiles(project.directory)).toEqual([]);
  });

  it('takes the sudo password from a file where there is no terminal, and finds nothing to do', async () => {
    const { env, stop } = await startAgent(project.directory, key, PASSPHRASE);
    try {
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
      stop();
    }
  });
});
