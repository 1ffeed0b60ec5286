import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeAdmin, type Admin } from './lab/admin.js';
import { startAgent } from './lab/agent.js';
import { journalOf, secretsOnHost } from './lab/below.js';
import { bootBareHosts, type BareHosts } from './lab/hosts.js';
import { requireIsolation } from './lab/isolation.js';
import { watchProcesses, type SeenProcess } from './lab/processes.js';
import { PROGRAM, TestProject } from './lab/project.js';
import { places, Secrets } from './lab/secrets.js';
import { onTerminal, timesIn } from './lab/terminal.js';

const some = (what: string): string => `${what}-${randomBytes(8).toString('hex')}`;
/** With characters that every encoding writes in another way. */
const odd = (what: string): string => `${what} "é" \\ '$&%+/ ${randomBytes(8).toString('hex')}`;

/** What people type, or have in files of their own: nobody else gets to see it, on no host and in no file. */
const TYPED = {
  'sudo password': odd('sudo'),
  'wrong sudo password': odd('wrong'),
  'passphrase of the SSH key': odd('key'),
  'passphrase of the authority': odd('ca'),
};
/** What user-data brings to hosts: there, in the rendered files (0600), and not where people look on. */
const BROUGHT = {
  'content of a 0600 file': some('content'),
  'password hash': `$6$saltsalt$${randomBytes(48).toString('base64').replaceAll(/[+=]/g, '.')}`,
  'password for etcd': some('fleet'),
  'password in a unit': some('unit'),
};
const HOSTS = ['core-01', 'core-02'];

/** With everything that can be secret at once. */
const userData = (more = '', lines = 1): string => `#cloud-config
write_files:
  - path: /etc/app/secret
    permissions: '0600'
    content: ${JSON.stringify(`${BROUGHT['content of a 0600 file']}\n`.repeat(lines))}
users:
  - name: app
    passwd: ${JSON.stringify(BROUGHT['password hash'])}
coreos:
  etcd2:
    advertise-client-urls: https://$private_ipv4:2379
    initial-advertise-peer-urls: https://$private_ipv4:2380
    listen-client-urls: https://0.0.0.0:2379
    listen-peer-urls: https://$private_ipv4:2380
  fleet:
    etcd-username: app
    etcd-password: ${BROUGHT['password for etcd']}
  units:
    - name: etcd2.service
      command: start
      enable: true
${more}`;

/** A service that says its password when it fails. */
const TALKATIVE = `    - name: app.service
      command: start
      content: |
        [Service]
        Type=oneshot
        Environment=APP_PASSWORD=${BROUGHT['password in a unit']}
        ExecStart=/bin/sh -c 'echo password=$APP_PASSWORD; exit 1'
`;

describe('secrets of every kind', () => {
  let hosts: BareHosts;
  let admin: Admin;
  let project: TestProject;
  let agent: Awaited<ReturnType<typeof startAgent>>;
  /** Everything that a person or a program was shown, by command. */
  const shown: [string, string][] = [];
  let processes: readonly SeenProcess[];

  const file = async (name: string, text: string): Promise<string> => {
    const path = join(admin.directory, name);
    await writeFile(path, `${text}\n`, { mode: 0o600 });
    return path;
  };
  /** Without a terminal: the key is in an agent, and the sudo password in a file. */
  const run = async (args: readonly string[], sudo = TYPED['sudo password']): Promise<number | undefined> => {
    const env = { ...agent.env, COREUP_SUDO_PASSWORD_FILE: await file('sudo', sudo) };
    const { code, stdout, stderr } = await project.coreup(args, { env });
    shown.push([args.join(' '), `${stdout}\n${stderr}`]);
    return code;
  };
  const typed = async (
    args: readonly string[],
    answers: readonly (readonly [RegExp, string])[],
    env: Record<string, string> = {},
  ) => {
    const ended = await onTerminal(project, args, answers, env);
    shown.push([`${args.join(' ')} on a terminal`, ended.text]);
    return ended;
  };

  /** Keys that coreup has made, by file. */
  const keys = (): Record<string, string> => {
    const pki = join(project.directory, '.coreup', 'pki');
    return Object.fromEntries(
      readdirSync(pki, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.pem'))
        .map((name) => [name, readFileSync(join(pki, name), 'utf8')] as const)
        .filter(([, text]) => text.includes('PRIVATE KEY'))
        .map(([name, text]) => [name, text]),
    );
  };
  /** Of a discovery URL, the end. */
  const token = (): string => {
    const state = readFileSync(join(project.directory, '.coreup', 'state.json'), 'utf8');
    return /discovery\/([\w-]{20,})"/.exec(state)?.[1] ?? /"token":\s*"([^"]+)"/.exec(state)?.[1] ?? '';
  };
  const all = (): Secrets => new Secrets({ ...TYPED, ...BROUGHT, token: token(), ...before, ...keys() });
  /** The keys from before they were renewed. */
  let before: Record<string, string> = {};

  beforeAll(async () => {
    requireIsolation();
    hosts = await bootBareHosts(2);
    admin = await makeAdmin(hosts, {
      passphrase: TYPED['passphrase of the SSH key'],
      password: TYPED['sudo password'],
    });
    agent = await startAgent(admin.directory, admin.key, TYPED['passphrase of the SSH key']);
    const list = hosts.cluster.members.map(({ privateIpv4 }, index) => ({
      address: privateIpv4,
      user: 'admin',
      identity_file: admin.key,
      host_key: admin.hostKeys[index]?.split(' ').slice(0, 2).join(' '),
    }));
    project = await TestProject.create(
      `{ cluster_name: 'e2e-secrets', discovery: { mode: 'ephemeral' },
         provider: { kind: 'ssh', hosts: ${JSON.stringify(list)} }, ssh: { config_file: false } }`,
      { 'user-data': userData() },
    );
  });
  afterAll(async () => {
    agent.stop();
    await hosts.dispose();
  });

  it('are each asked for once, by everything that needs them, also where it fails', async () => {
    const watch = watchProcesses();
    const ca = await file('ca', TYPED['passphrase of the authority']);
    const login = [
      [/Passphrase for the key/, TYPED['passphrase of the SSH key']],
      [/sudo password of admin/, TYPED['sudo password']],
    ] as const;
    const first = await typed(
      ['up', '-v'],
      [
        login[0],
        [/sudo password of admin/, TYPED['wrong sudo password']],
        [/Wrong on core-0\d/, TYPED['sudo password']],
        [/Make these changes/, 'y'],
      ],
      { COREUP_CA_PASSPHRASE_FILE: ca },
    );
    expect(first.text).toContain('is up and healthy');
    before = Object.fromEntries(Object.entries(keys()).map(([name, key]) => [`${name} before`, key]));
    const renewed = await typed(
      ['certs', 'renew', '--yes', '-v'],
      [[/Passphrase of the certificate authority/, TYPED['passphrase of the authority']], ...login],
    );
    expect(renewed.text).toContain('is up and healthy');
    for (const { text } of [first, renewed]) expect(timesIn(text, 'Passphrase for the key')).toBe(1);
    expect(timesIn(renewed.text, 'Passphrase of the certificate authority')).toBe(1);

    for (const args of [
      ['up', '--json'],
      ['up', '--events', '-v'],
      ['plan', '-v'],
      ['status', '--json'],
      ['doctor', '-v'],
      ['certs', '--json'],
      ['render'],
      ['validate'],
      ['explain'],
    ]) {
      expect([args, await run(args)]).toEqual([args, args[0] === 'doctor' ? expect.anything() : 0]);
    }

    // It fails for a wrong password; while a file is written; and because of a unit that says too much.
    expect(await run(['up'], TYPED['wrong sudo password'])).toBe(1);
    const fill = 'sudo -S sh -c "mount -t tmpfs -o size=4k tmpfs /etc/app"';
    for (const name of HOSTS)
      await project.coreup(['ssh', name, '--', fill], { env: agent.env, input: `${TYPED['sudo password']}\n` });
    await writeFile(join(project.directory, 'user-data'), userData('', 500));
    for (const args of [['plan'], ['up', '-v'], ['up', '--events']]) await run(args);
    expect(shown.at(-2)?.[1]).toMatch(/\/etc\/app\/secret failed: .*No space left/);
    const free = 'sudo -S umount /etc/app';
    for (const name of HOSTS)
      await project.coreup(['ssh', name, '--', free], { env: agent.env, input: `${TYPED['sudo password']}\n` });
    await writeFile(join(project.directory, 'user-data'), userData(TALKATIVE));
    for (const args of [
      ['plan', '--json'],
      ['up', '-v', '--yes'],
      ['up', '--json'],
      ['doctor', '-v'],
    ])
      await run(args);
    expect(shown.at(-3)?.[1]).toContain('app.service');
    processes = watch.stop();
  });

  it('show in nothing that any of these commands printed', () => {
    expect(shown.length).toBeGreaterThan(15);
    expect(places(shown.flatMap(([where, text]) => all().inText(where, text)))).toEqual([]);
  });

  it('are in no arguments and no environment, except that etcd is told of its discovery', () => {
    expect(processes.some(({ text }) => text.includes(PROGRAM))).toBe(true);
    const secrets = all();
    // The user's own service has its password there, as its unit says.
    const others = processes.filter(({ where, text }) => !(/^environment/.test(where) && / ?APP_PASSWORD=/.test(text)));
    expect(places(others.flatMap(({ where, text }) => secrets.inText(where, text)))).toEqual([
      'token: environment of /usr/bin/etcd',
    ]);
  });

  it('are in the project only where they belong, in files that nobody else can read', async () => {
    const found = await all().inFiles(project.directory);
    // The user-data is the user's own file, made by this test.
    const made = places(found.filter(({ where }) => where !== 'user-data'));
    const rendered = [...Object.keys(BROUGHT), 'token'].flatMap((secret) =>
      HOSTS.map((_, index) => `${secret}: user-data-${index + 1} 600 0:0`),
    );
    // The key of the authority is there under its passphrase, and a renewal leaves it as it is.
    const pki = Object.keys(keys()).map(
      (name) => `${name === 'ca.pem' ? 'ca.pem before' : name}: .coreup/pki/${name} 600 0:0`,
    );
    expect(made).toEqual([...rendered, ...pki, 'token: .coreup/state.json 600 0:0'].sort());
    expect(keys()['ca.pem']).toContain('BEGIN ENCRYPTED PRIVATE KEY');
    expect(Object.keys(keys())).toHaveLength(2 + 3 * HOSTS.length);
    const state = join(project.directory, '.coreup');
    const open = ['', ...readdirSync(state, { recursive: true, encoding: 'utf8' })].filter(
      (name) => (statSync(join(state, name)).mode & 0o077) !== 0,
    );
    expect(open).toEqual([]);
  });

  it('are on each host only where they belong: its own keys, and what user-data brings', async () => {
    for (const name of HOSTS) {
      const found = await secretsOnHost(all(), hosts.store, name);
      expect([name, places(found.filter(({ where }) => !where.startsWith('/run/log/journal/')))]).toEqual([
        name,
        [
          'content of a 0600 file: /etc/app/secret 600 root:root',
          `members/${name}/client.pem: /etc/coreup/pki/client.key 600 root:root`,
          `members/${name}/peer.pem: /etc/coreup/pki/peer.key 640 root:etcd`,
          `members/${name}/server.pem: /etc/coreup/pki/server.key 640 root:etcd`,
          // 0644 as with coreos-cloudinit; `validate` warns of the password.
          'password for etcd: /etc/systemd/system/fleet.service.d/20-cloudinit.conf 644 root:root',
          'password hash: /etc/shadow 640 root:shadow',
          'password in a unit: /etc/systemd/system/app.service 644 root:root',
          'token: /etc/systemd/system/etcd2.service.d/20-cloudinit.conf 644 root:root',
        ],
      ]);
    }
  });

  it('are not in the hosts’ journals, except for what etcd and the user’s own service say', async () => {
    const secrets = all();
    for (const name of HOSTS) {
      const found = secrets.inText('journal', await journalOf(hosts.store, name));
      expect([name, places(found)]).toEqual([name, ['password in a unit: journal', 'token: journal']]);
    }
  });

  it('would be found: in a file, a journal, an argument and an environment, in every form', async () => {
    const planted = odd('planted');
    const secrets = new Secrets({ planted });
    const bytes = Buffer.from(planted);
    const forms = {
      'as it is': `x${planted}y`,
      base64: Buffer.from(`xx${planted}yy`).toString('base64'),
      hex: bytes.toString('hex'),
      'URL-encoded': encodeURIComponent(planted),
      'JSON-escaped': JSON.stringify({ a: planted }),
    };
    for (const [form, text] of Object.entries(forms)) {
      expect(secrets.inText('here', text)).toEqual([{ secret: 'planted', form, where: 'here' }]);
      await writeFile(join(project.directory, 'planted'), text);
      expect(await secrets.inFiles(project.directory)).toEqual([
        { secret: 'planted', form, where: 'planted', mode: '644', owner: '0:0' },
      ]);
    }
    const { body, ...key } = { body: Object.values(keys())[1] ?? '', name: Object.keys(keys())[1] ?? '' };
    expect(places(all().inText('here', body.split('\n').slice(-6, -4).join('')))).toEqual([`${key.name}: here`]);

    const watch = watchProcesses();
    const script = 'printf %s "$A" | tee /var/tmp/planted >/dev/shm/planted; logger -- "$A"; sleep 0.2';
    const planting = ['ssh', 'core-01', '--', 'env', `A=${planted}`, 'sh', '-c', script];
    const { code } = await project.coreup(planting, { env: agent.env });
    const watched = watch.stop();
    expect(code).toBe(0);
    const seen = watched.flatMap(({ where, text }) => secrets.inText(where, text));
    const on = places(seen);
    expect(on).toEqual(
      expect.arrayContaining([expect.stringMatching(/arguments of/), expect.stringMatching(/environment of/)]),
    );
    const files = places(await secretsOnHost(secrets, hosts.store, 'core-01'));
    for (const path of ['/var/tmp/planted', '/dev/shm/planted'])
      expect(files.join('\n')).toContain(`planted: ${path} `);
    expect(places(secrets.inText('journal', await journalOf(hosts.store, 'core-01')))).toEqual(['planted: journal']);
  });
});
