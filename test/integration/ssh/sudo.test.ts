import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { createSsh, type SshOptions } from '../../../src/ssh/client.js';
import type { Connection, Ssh } from '../../../src/ssh/port.js';
import { containing } from './matchers.js';
import { Sshd } from './sshd.js';

/**
 * The real sudo and PAM, for users that only this sshd sees: it runs in a mount namespace of its own, with its own passwd,
 * shadow and sudoers, and nothing of the machine is changed. Needs root.
 */
const PASSWORD = 'p4ss word "$HOME" ünd';
const possible = userInfo().uid === 0;
const suite = possible ? describe : describe.skip;

let sshd: Sshd;
const open: Ssh[] = [];

beforeAll(async () => {
  if (!possible) return;
  const hash = execFileSync('openssl', ['passwd', '-6', '-stdin'], { input: PASSWORD, encoding: 'utf8' }).trim();
  const users = ['asked', 'trusted', 'stranger', 'onetry'];
  sshd = await Sshd.create({
    config: ['UsePAM yes'],
    through: (directory) => {
      const put = (name: string, text: string, mode: number) => {
        writeFileSync(join(directory, name), text, { mode });
        return join(directory, name);
      };
      const lines = (line: (user: string, uid: number) => string) =>
        users.map((user, at) => `${line(user, 4200 + at)}\n`).join('');
      const binds = {
        '/etc/passwd': put(
          'passwd',
          readFileSync('/etc/passwd', 'utf8') + lines((user, uid) => `${user}:x:${uid}:${uid}::/tmp:/bin/sh`),
          0o644,
        ),
        '/etc/shadow': put(
          'shadow',
          readFileSync('/etc/shadow', 'utf8') + lines((user) => `${user}:${hash}:19000:0:99999:7:::`),
          0o640,
        ),
        '/etc/sudoers': put(
          'sudoers',
          [
            'Defaults lecture=always',
            'Defaults:onetry passwd_tries=1',
            'asked ALL=(ALL) ALL',
            'onetry ALL=(ALL) ALL',
            'trusted ALL=(ALL) NOPASSWD: ALL',
            '',
          ].join('\n'),
          0o440,
        ),
      };
      chmodSync(directory, 0o755);
      chmodSync(join(directory, 'authorized_keys'), 0o644);
      const mounts = Object.entries(binds).map(([path, file]) => `mount --bind '${file}' ${path}`);
      const script = [...mounts, 'mkdir -p /run/sudo', 'mount -t tmpfs tmpfs /run/sudo', 'exec "$@"'].join(' && ');
      return ['unshare', '--mount', 'sh', '-c', script, 'sh'];
    },
  });
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((ssh) => ssh.close()));
});
afterAll(async () => {
  if (possible) await sshd.remove();
});

async function login(user: string, options: Partial<SshOptions> = {}): Promise<Connection> {
  const ssh = createSsh({ knownHostsFile: sshd.knownHostsFile, agent: false, ...options });
  open.push(ssh);
  return ssh.connect({ ...sshd.target, user }, { deadline: 10_000 });
}

/** Answers questions in turn, and keeps them. */
function person(...answers: string[]) {
  const questions: string[] = [];
  return {
    questions,
    askSecret: (question: string) => {
      questions.push(question);
      return Promise.resolve(answers.shift() ?? '');
    },
  };
}

const asRoot = (connection: Connection, text = 'id -un; cat', input = 'input\n') =>
  connection.run({ text, sudo: true, input: [Buffer.from(input)] });

suite('sudo', () => {
  test('without a password nobody is asked', async () => {
    const { questions, askSecret } = person();
    const connection = await login('trusted', { askSecret });
    expect((await asRoot(connection)).stdout.toString()).toBe('root\ninput\n');
    expect((await asRoot(connection, 'echo to-stderr >&2; exit 3')).code).toBe(3);
    expect(questions).toEqual([]);
  });

  test('with one: asked once, for many commands and hosts; script, input and output are whole', async () => {
    const { questions, askSecret } = person(PASSWORD);
    const ssh = createSsh({ knownHostsFile: sshd.knownHostsFile, agent: false, askSecret });
    open.push(ssh);
    // Two ways to the same sshd are two hosts.
    const hosts = await Promise.all(
      ['127.0.0.1', 'localhost'].map((address) =>
        ssh.connect({ ...sshd.target, user: 'asked', address, hostKey: sshd.hostKey.publicKey }, { deadline: 10_000 }),
      ),
    );
    const results = await Promise.all(hosts.flatMap((host) => [asRoot(host), asRoot(host), asRoot(host)]));
    expect(results.map(({ code, stdout }) => [code, stdout.toString()])).toEqual(
      results.map(() => [0, 'root\ninput\n']),
    );
    expect(questions).toEqual(['sudo password of asked:']);
    const [first] = hosts;
    const loud = await asRoot(first as Connection, 'echo err >&2; echo out; exit 4');
    expect(loud).toMatchObject({ code: 4, stdout: Buffer.from('out\n'), stderr: Buffer.from('err\n') });
    const big = Buffer.alloc(3 * 1024 * 1024, 'x');
    const back = await (first as Connection).run({ text: 'cat', sudo: true, input: [big] });
    expect(back.stdout.equals(big)).toBe(true);
    expect(await (first as Connection).run({ text: 'echo "$(id -un)"' })).toMatchObject({
      stdout: Buffer.from('asked\n'),
    });
  });

  test('shows the password in no command line and no environment', async () => {
    const { askSecret } = person(PASSWORD);
    const connection = await login('asked', { askSecret });
    // What to look for comes on stdin; the second of it is there, to see that it would be found.
    const script = `sh -c 'sleep 9; :' found-4711 </dev/null >/dev/null 2>&1 & sleep 0.1
      grep -l -a -F -f - /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | sed "s/$!/there/"; kill $!`;
    const found = await asRoot(connection, script, 'p4ss word\nfound-4711\n');
    expect(found.stdout.toString()).toBe('/proc/there/cmdline\n');
  });

  test('a wrong one is asked for again', async () => {
    const { questions, askSecret } = person('wrong', PASSWORD);
    const connection = await login('asked', { askSecret });
    expect((await asRoot(connection)).stdout.toString()).toBe('root\ninput\n');
    expect(questions).toEqual(['sudo password of asked:', 'Wrong on core-01. sudo password of asked there:']);
    expect((await asRoot(connection)).stdout.toString()).toBe('root\ninput\n');
    expect(questions).toHaveLength(2);
  });

  test('also where sudo gives up after one', async () => {
    const { questions, askSecret } = person('wrong', 'wrong again', PASSWORD);
    const connection = await login('onetry', { askSecret });
    expect((await asRoot(connection)).stdout.toString()).toBe('root\ninput\n');
    expect(questions).toHaveLength(3);
  });

  test('three wrong ones are the end; none of them shows', async () => {
    const { questions, askSecret } = person('Wr0ng1', 'Wr0ng2', 'Wr0ng3', PASSWORD);
    const connection = await login('asked', { askSecret });
    const error = await asRoot(connection).catch((thrown: unknown) => thrown as Error);
    expect(error).toMatchObject({ code: 'SSH_SUDO', member: 'core-01' });
    expect(questions).toHaveLength(3);
    expect(`${(error as Error).stack} ${JSON.stringify(error)}`).not.toContain('Wr0ng');
  });

  test('without anybody to ask: from a file, or refused', async () => {
    const given = await login('asked', { sudoPassword: () => Promise.resolve(PASSWORD) });
    expect((await asRoot(given)).stdout.toString()).toBe('root\ninput\n');
    await expect(asRoot(await login('asked'))).rejects.toMatchObject({
      code: 'SSH_SUDO',
      hint: containing('COREUP_SUDO_PASSWORD_FILE'),
    });
    const wrong = await login('asked', { sudoPassword: () => Promise.resolve('wrong') });
    await expect(asRoot(wrong)).rejects.toMatchObject({ code: 'SSH_SUDO' });
  });

  test('one who may not use it is told so', async () => {
    const { askSecret } = person(PASSWORD);
    const connection = await login('stranger', { askSecret });
    await expect(asRoot(connection)).rejects.toMatchObject({ code: 'SSH_SUDO', message: containing('stranger') });
  });

  test('a streamed command as root gets its output whole', async () => {
    const { askSecret } = person(PASSWORD);
    const connection = await login('asked', { askSecret });
    const stdout = new PassThrough();
    const stderr = new PassThrough();
    const exit = await connection.attach("sh -c 'id -un; echo err >&2; exit 5'", { stdout, stderr, sudo: true });
    expect([exit.code, String(stdout.read()), String(stderr.read())]).toEqual([5, 'root\n', 'err\n']);
  });
});
