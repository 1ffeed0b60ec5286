import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSsh, type SshOptions } from '../../../src/ssh/client.js';
import { SshClientConfig } from '../../../src/ssh/client-config.js';
import { targetOf } from '../../../src/ssh/destinations.js';
import { generateKeyPair } from '../../../src/ssh/keys.js';
import { fingerprint, formatKnownHost, parsePublicKey } from '../../../src/ssh/known-hosts.js';
import type { Ssh, SshTarget } from '../../../src/ssh/port.js';
import { containing, matching } from './matchers.js';
import { freePort, Sshd } from './sshd.js';

/** One sshd is the host, two others are jump hosts: each logs in with its own key and shows its own. */
let host: Sshd;
let first: Sshd;
let second: Sshd;
let knownHostsFile: string;
const open: Ssh[] = [];

beforeAll(async () => {
  [host, first, second] = await Promise.all([Sshd.create(), Sshd.create(), Sshd.create()]);
  knownHostsFile = join(host.directory, 'all');
});
beforeEach(() => {
  writeFileSync(knownHostsFile, [host, first, second].map(({ knownHostsFile: file }) => readFileSync(file)).join(''));
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((ssh) => ssh.close()));
});
afterAll(async () => {
  await Promise.all([host, first, second].map((sshd) => sshd.remove()));
});

function ssh(options: Partial<SshOptions> = {}): Ssh {
  const made = createSsh({ knownHostsFile, agent: false, home: host.directory, ...options });
  open.push(made);
  return made;
}

const jumpBy = (sshd: Sshd, jump?: SshTarget): SshTarget => ({
  ...sshd.target,
  name: 'the jump host bastion',
  ...(jump === undefined ? {} : { jump }),
});
const through = (jump: SshTarget): SshTarget => ({ ...host.target, jump });
const connect = (target: SshTarget, options: Partial<SshOptions> = {}, deadline = 0) =>
  ssh(options).connect(target, { deadline });

describe('a host behind a jump host', () => {
  test('is reached through it, and through it alone', async () => {
    const connection = await connect(through(jumpBy(first)), {}, 10_000);
    expect((await connection.run({ text: 'echo there' })).stdout.toString()).toBe('there\n');
    expect([first.sessionPids().length, second.sessionPids().length, host.sessionPids().length]).toEqual([1, 0, 1]);
    first.signalSessions('SIGKILL');
    await expect(connection.run({ text: 'sleep 30' })).rejects.toMatchObject({ code: 'SSH_LOST', member: 'core-01' });
  });

  test('10 MB there and back, and many commands at once', async () => {
    const connection = await connect(through(jumpBy(first)), {}, 10_000);
    const input = Buffer.alloc(10 * 1024 * 1024, 'x');
    expect((await connection.run({ text: 'cat', input: [input] })).stdout.equals(input)).toBe(true);
    const codes = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => (await connection.run({ text: `exit ${index}` })).code),
    );
    expect(codes).toEqual(codes.map((_, index) => index));
  });

  test('a chain of two', async () => {
    const connection = await connect(through(jumpBy(second, jumpBy(first))), {}, 10_000);
    expect((await connection.run({ text: 'echo there' })).stdout.toString()).toBe('there\n');
    expect([first.sessionPids().length, second.sessionPids().length, host.sessionPids().length]).toEqual([1, 1, 1]);
  });

  test('42 hosts share one connection to it; those that wait for it leave room for it', async () => {
    // Three sshds under 14 addresses each, to coreup 42 hosts. MaxStartups would drop some of them at random.
    const addresses = Array.from({ length: 14 }, (_, index) => `127.0.1.${index + 1}`);
    const config = ['MaxStartups 100', ...addresses.map((address) => `ListenAddress ${address}`)];
    const wide = await Promise.all(Array.from({ length: 3 }, () => Sshd.create({ config })));
    try {
      const client = ssh({ acceptNew: true });
      const connections = await Promise.all(
        wide.flatMap((sshd) =>
          addresses.map((address) =>
            client.connect({ ...sshd.target, address, jump: jumpBy(first) }, { deadline: 30_000 }),
          ),
        ),
      );
      expect(new Set(connections).size).toBe(42);
      expect(first.sessionPids().length).toBe(1);
      expect(wide.map((sshd) => sshd.sessionPids().length)).toEqual([14, 14, 14]);
      await client.close();
    } finally {
      await Promise.all(wide.map((sshd) => sshd.remove()));
    }
  });

  test('the jump host’s key is checked, too: unknown, changed, revoked', async () => {
    const other = parsePublicKey((await generateKeyPair('other')).publicKey) as Buffer;
    const jumpLine = readFileSync(first.knownHostsFile, 'utf8');
    const hostLine = readFileSync(host.knownHostsFile, 'utf8');
    const target = through(jumpBy(first));

    writeFileSync(knownHostsFile, hostLine);
    await expect(connect(target)).rejects.toMatchObject({
      code: 'SSH_HOST_KEY_UNKNOWN',
      message: matching(new RegExp(`jump host bastion.*:${first.port}`)),
    });
    writeFileSync(knownHostsFile, hostLine + formatKnownHost('127.0.0.1', first.port, other));
    await expect(connect(target, { acceptNew: true })).rejects.toMatchObject({
      code: 'SSH_HOST_KEY_CHANGED',
      message: matching(
        new RegExp(`jump host bastion.*${knownHostsFile}:2.*received ${escape(fingerprint(first.hostKeyBlob))}`),
      ),
    });
    writeFileSync(knownHostsFile, `${hostLine}${jumpLine}@revoked * ${first.hostKey.publicKey}\n`);
    await expect(connect(target)).rejects.toMatchObject({
      code: 'SSH_HOST_KEY_REVOKED',
      message: containing(`${knownHostsFile}:3`),
    });
    expect(host.sessionPids()).toEqual([]);
  });

  test('the host’s own key is checked behind it', async () => {
    writeFileSync(knownHostsFile, readFileSync(first.knownHostsFile));
    await expect(connect(through(jumpBy(first)))).rejects.toMatchObject({
      code: 'SSH_HOST_KEY_UNKNOWN',
      message: containing(`core-01 (127.0.0.1:${host.port})`),
    });
  });

  test('a refused login there names the jump host and its key', async () => {
    const jump = { ...jumpBy(first), identityFile: second.identityFile };
    await expect(connect(through(jump))).rejects.toMatchObject({
      code: 'SSH_AUTH',
      message: matching(new RegExp(`the jump host bastion.*refused the login.*${second.identityFile}`)),
    });
  });
});

describe('what can be wrong on the way', () => {
  test('nobody listens behind it', async () => {
    const port = await freePort();
    await expect(connect({ ...through(jumpBy(first)), port })).rejects.toMatchObject({
      code: 'SSH_UNREACHABLE',
      member: 'core-01',
      message: matching(/no connection from the jump host bastion .*refused/i),
      hint: containing(`ssh -J ${first.target.user}@127.0.0.1:${first.port} -p ${port}`),
    });
  });

  test('the jump host is down, and then up', async () => {
    const late = await Sshd.create({ start: false });
    appendFileSync(knownHostsFile, readFileSync(late.knownHostsFile));
    try {
      const reasons: string[] = [];
      const connection = await ssh().connect(through(jumpBy(late)), {
        deadline: 20_000,
        onRetry: (reason) => {
          reasons.push(reason);
          if (reasons.length === 2) void late.start();
        },
      });
      expect((await connection.run({ text: 'true' })).code).toBe(0);
      expect(reasons[0]).toMatch(/the jump host bastion.*refused/);
    } finally {
      await Promise.all(open.splice(0).map((client) => client.close()));
      await late.remove();
    }
  });

  test('it forwards nothing: said at once, with the setting', async () => {
    const closed = await Sshd.create({ config: ['AllowTcpForwarding no'] });
    appendFileSync(knownHostsFile, readFileSync(closed.knownHostsFile));
    try {
      const retries: string[] = [];
      const connecting = ssh().connect(through(jumpBy(closed)), {
        deadline: 20_000,
        onRetry: (reason) => retries.push(reason),
      });
      await expect(connecting).rejects.toMatchObject({
        code: 'SSH_UNREACHABLE',
        message: containing('AllowTcpForwarding'),
      });
      expect(retries).toEqual([]);
    } finally {
      await closed.remove();
    }
  });

  test('a host that hangs behind it is noticed', async () => {
    process.kill(host.pid, 'SIGSTOP');
    try {
      await expect(connect(through(jumpBy(first)), { attemptTimeout: 500 })).rejects.toMatchObject({
        message: containing('no SSH handshake within 0.5 s'),
      });
    } finally {
      process.kill(host.pid, 'SIGCONT');
    }
  });
});

describe('as ~/.ssh/config has it', () => {
  const write = (text: string) => {
    const file = join(host.directory, 'ssh_config');
    writeFileSync(file, text);
    return new SshClientConfig({ file });
  };
  const block = (name: string, sshd: Sshd, more = '') =>
    `Host ${name}\n  HostName 127.0.0.1\n  Port ${sshd.port}\n  IdentityFile ${sshd.identityFile}\n  IdentitiesOnly yes\n` +
    `  UserKnownHostsFile ${sshd.knownHostsFile}\n${more}`;

  test('Include, Match, ProxyJump through two hosts, keys and known_hosts of each', async () => {
    writeFileSync(join(host.directory, 'more'), block('web_1', host) + block('inner', second) + block('outer', first));
    const config = write(
      `Match originalhost web_1\n  ProxyJump outer,inner\nHost *\n  StrictHostKeyChecking no\nInclude ${join(host.directory, 'more')}\n`,
    );
    const target = await targetOf('core-01', { address: 'web_1' }, config);
    expect(target).toMatchObject({
      address: '127.0.0.1',
      port: host.port,
      jump: { port: second.port, jump: { port: first.port } },
    });
    const connection = await connect(target, { knownHostsFile: join(host.directory, 'none') }, 10_000);
    expect((await connection.run({ text: 'echo there' })).stdout.toString()).toBe('there\n');
    // StrictHostKeyChecking does not count: coreup has a setting of its own.
    writeFileSync(join(host.directory, 'more'), block('web_1', host).replace(host.knownHostsFile, '/dev/null'));
    const stranger = await targetOf(
      'core-01',
      { address: 'web_1', jump: [] },
      write(readFileSync(join(host.directory, 'ssh_config'), 'utf8')),
    );
    expect(stranger.jump).toBeUndefined();
    await expect(connect(stranger, { knownHostsFile: join(host.directory, 'none') })).rejects.toMatchObject({
      code: 'SSH_HOST_KEY_UNKNOWN',
    });
  });

  test('config.ts goes before it', async () => {
    const config = write(`${block('web', first)}  User nobody\n  HostKeyAlias alias\n`);
    expect(
      await targetOf('core-01', { address: 'web', user: 'me', port: 1234, identityFile: '/k' }, config),
    ).toMatchObject({
      address: '127.0.0.1',
      user: 'me',
      port: 1234,
      identityFile: '/k',
      trust: { alias: 'alias' },
    });
    expect(await targetOf('core-01', { address: 'web' }, config)).toMatchObject({ user: 'nobody', port: first.port });
  });

  test('known_hosts in a file whose name holds blanks, beside one that nobody may read', async () => {
    const blank = join(host.directory, 'known hosts of mine');
    writeFileSync(blank, readFileSync(host.knownHostsFile));
    const config = write(
      block('web', host).replace(host.knownHostsFile, () => `${host.directory} /proc/self/mem "${blank}"`),
    );
    const target = await targetOf('core-01', { address: 'web' }, config);
    expect(target.trust?.files).toContain(blank);
    const connection = await connect(target, { knownHostsFile: join(host.directory, 'none') }, 10_000);
    expect((await connection.run({ text: 'true' })).code).toBe(0);
  });

  test('BindAddress and AddressFamily are the way there', async () => {
    const target = async (more: string, address?: string) => {
      const text = block('web', host, more);
      const config = write(address === undefined ? text : text.replace('HostName 127.0.0.1', `HostName ${address}`));
      return targetOf('core-01', { address: 'web' }, config);
    };
    const connection = await connect(await target('  BindAddress 127.0.0.77\n'), {}, 10_000);
    const { stdout } = await connection.run({ text: 'echo "$SSH_CONNECTION"' });
    expect(stdout.toString()).toMatch(/^127\.0\.0\.77 /);
    await expect(connect(await target('  BindAddress 192.0.2.9\n'))).rejects.toMatchObject({
      code: 'SSH_UNREACHABLE',
      message: containing('BindAddress'),
    });
    // Its sshd listens on IPv4 alone.
    await expect(connect(await target('  AddressFamily inet6\n', 'localhost'))).rejects.toMatchObject({
      code: 'SSH_UNREACHABLE',
    });
  });

  test('HostKeyAlgorithms, Ciphers and the like leave what they allow', async () => {
    const target = async (more: string) => targetOf('core-01', { address: 'web' }, write(block('web', host, more)));
    const connection = await connect(
      await target('  Ciphers aes256-ctr\n  MACs hmac-sha2-512\n  KexAlgorithms ecdh-sha2-nistp256\n'),
      {},
      10_000,
    );
    expect((await connection.run({ text: 'true' })).code).toBe(0);
    await expect(connect(await target('  HostKeyAlgorithms rsa-sha2-512\n'))).rejects.toMatchObject({
      code: 'SSH_UNREACHABLE',
      message: containing('HostKeyAlgorithms in your ssh configuration allows no host key of the type'),
    });
    await expect(target('  Ciphers aes128-cbc\n')).rejects.toMatchObject({ code: 'SSH_CONFIG' });
  });

  test('RequiredRSASize is the least that a host’s key may have', async () => {
    const file = join(host.directory, 'rsa');
    execFileSync('ssh-keygen', ['-q', '-t', 'rsa', '-b', '2048', '-N', '', '-f', file]);
    const rsa = await Sshd.create({ config: [`HostKey ${file}`, 'HostKeyAlgorithms rsa-sha2-512'] });
    try {
      writeFileSync(rsa.knownHostsFile, `[127.0.0.1]:${rsa.port} ${readFileSync(`${file}.pub`, 'utf8')}`);
      const target = (bits: number) =>
        targetOf('core-01', { address: 'web' }, write(block('web', rsa, `  RequiredRSASize ${bits}\n`)));
      await connect(await target(2048), {}, 10_000);
      await expect(connect(await target(2049))).rejects.toMatchObject({
        code: 'SSH_HOST_KEY_WEAK',
        message: containing('2048 bits, fewer than 2049'),
      });
      await Promise.all(open.splice(0).map((client) => client.close()));
    } finally {
      await rsa.remove();
    }
  });

  test('an alias is the name in known_hosts', async () => {
    writeFileSync(knownHostsFile, `alias ${host.hostKey.publicKey}\n`);
    const config = write(`${block('web', host).replace(host.knownHostsFile, '/dev/null')}  HostKeyAlias alias\n`);
    const connection = await connect(await targetOf('core-01', { address: 'web' }, config), {}, 10_000);
    expect((await connection.run({ text: 'true' })).code).toBe(0);
  });

  test('a mistake in it is told with its line; ProxyCommand is refused with a way out', async () => {
    await expect(targetOf('core-01', { address: 'web' }, write('Host web\n  Foo bar\n'))).rejects.toMatchObject({
      code: 'SSH_CONFIG',
      exitCode: 2,
      message: matching(/ssh_config: line 2: Bad configuration option: foo/),
    });
    const proxied = write('Host web\n  ProxyCommand ssh -W %h:%p bastion\n');
    await expect(targetOf('core-01', { address: 'web' }, proxied)).rejects.toMatchObject({
      code: 'SSH_PROXY_COMMAND',
      hint: containing('ProxyJump'),
    });
    expect(await targetOf('core-01', { address: 'web', jump: [] }, proxied)).not.toHaveProperty('jump');
  });

  test('a circle of jump hosts is found', async () => {
    const config = write('Host a\n  ProxyJump b\nHost b\n  ProxyJump c\nHost c\n  ProxyJump b\n');
    await expect(targetOf('core-01', { address: 'a' }, config)).rejects.toMatchObject({
      code: matching(/SSH_JUMP_LOOP|SSH_CONFIG/),
    });
  });

  test('without an ssh client config.ts alone counts, which is noticed', async () => {
    const config = new SshClientConfig({ program: 'no-such-ssh-client' });
    expect(await targetOf('core-01', { address: 'web' }, config)).toMatchObject({ address: 'web', port: 22 });
    expect(config.clientIsMissing).toBe(true);
  });
});

function escape(text: string): string {
  return text.replace(/[+/]/g, '\\$&');
}
