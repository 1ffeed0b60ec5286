import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { createSsh, type SshOptions } from '../../../src/ssh/client.js';
import { generateKeyPair } from '../../../src/ssh/keys.js';
import { fingerprint, formatKnownHost, parsePublicKey } from '../../../src/ssh/known-hosts.js';
import type { Ssh, SshTarget } from '../../../src/ssh/port.js';
import { freePort, Sshd } from './sshd.js';
import { containing, matching } from './matchers.js';

let sshd: Sshd;
const open: Ssh[] = [];
const servers: Server[] = [];

beforeEach(async () => {
  sshd = await Sshd.create();
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((ssh) => ssh.close()));
  for (const server of servers.splice(0)) server.close();
  await sshd.remove();
});

function ssh(options: Partial<SshOptions> = {}): Ssh {
  const made = createSsh({ knownHostsFile: sshd.knownHostsFile, agent: false, home: sshd.directory, ...options });
  open.push(made);
  return made;
}

async function echo(client: Ssh, target: SshTarget = sshd.target): Promise<string> {
  const connection = await client.connect(target, { deadline: 10_000 });
  return (await connection.run({ text: 'echo hello' })).stdout.toString();
}

/** A server that accepts and then does what `behave` says. */
async function listen(
  port: number,
  behave: (socket: import('node:net').Socket) => void = () => undefined,
): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    behave(socket);
  }).listen(port, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function otherKey(): Promise<Buffer> {
  const key = parsePublicKey((await generateKeyPair('other')).publicKey);
  if (key === undefined) throw new Error('unreadable');
  return key;
}

describe('the pool', () => {
  test('concurrent calls share one connection, later ones too', async () => {
    const client = ssh();
    const connections = await Promise.all(
      Array.from({ length: 5 }, () => client.connect(sshd.target, { deadline: 10_000 })),
    );
    connections.push(await client.connect(sshd.target, { deadline: 0 }));
    expect(new Set(connections).size).toBe(1);
    expect(sshd.sessionPids()).toHaveLength(1);
  });

  test('a caller that gives up does not take the others with it', async () => {
    const client = ssh();
    const stop = new AbortController();
    const impatient = client.connect(sshd.target, { deadline: 10_000, signal: stop.signal });
    const patient = client.connect(sshd.target, { deadline: 10_000 });
    stop.abort();
    await expect(impatient).rejects.toMatchObject({ code: 'INTERRUPTED' });
    expect((await (await patient).run({ text: 'echo still' })).stdout.toString()).toBe('still\n');
  });

  test('after close, a new connection is made', async () => {
    const client = ssh();
    const first = await client.connect(sshd.target, { deadline: 10_000 });
    await first.close();
    await expect(first.run({ text: 'true' })).rejects.toMatchObject({ code: 'SSH_LOST', member: 'core-01' });
    const second = await client.connect(sshd.target, { deadline: 10_000 });
    expect(second).not.toBe(first);
    expect((await second.run({ text: 'true' })).code).toBe(0);
  });

  test('a closed pool connects no more, and stops what was connecting', async () => {
    const client = ssh();
    const pending = client.connect({ ...sshd.target, port: await listen(0) }, { deadline: 10_000 });
    pending.catch(() => undefined);
    await client.close();
    await expect(pending).rejects.toMatchObject({ code: 'SSH_CLOSED' });
    await expect(client.connect(sshd.target, { deadline: 0 })).rejects.toMatchObject({ code: 'SSH_CLOSED' });
  });
});

test('at most thirty handshakes are under way at once, over all hosts', async () => {
  const accepted: (number | undefined)[] = [];
  const accepting = new EventEmitter();
  const port = await listen(0, (socket) => {
    accepted.push(socket.remotePort);
    accepting.emit('accepted');
  });
  const client = ssh();
  const names = Array.from({ length: 70 }, (_, index) => `user-${index}`);
  const ended = Promise.allSettled(
    names.map((user) => client.connect({ ...sshd.target, user, port }, { deadline: 0 })),
  );
  while (accepted.length < 30) await once(accepting, 'accepted');
  // Connections are accepted in their order: whatever coreup had begun besides would be before this one.
  const probe = connect(port, '127.0.0.1');
  await once(probe, 'connect');
  while (!accepted.includes(probe.localPort)) await once(accepting, 'accepted');
  probe.destroy();
  expect(accepted).toHaveLength(31);
  await client.close();
  expect((await ended).every(({ status }) => status === 'rejected')).toBe(true);
});

test('a host by its IPv6 address, whose key is filed under that', async () => {
  await sshd.stop();
  sshd = await Sshd.create({ config: ['ListenAddress ::1'] });
  const target = { ...sshd.target, address: '::1' };
  await expect(ssh().connect(target, { deadline: 0 })).rejects.toMatchObject({ code: 'SSH_HOST_KEY_UNKNOWN' });
  writeFileSync(sshd.knownHostsFile, formatKnownHost('::1', sshd.port, sshd.hostKeyBlob));
  expect(readFileSync(sshd.knownHostsFile, 'utf8')).toMatch(/^\[::1\]:\d+ ssh-ed25519 /);
  expect(await echo(ssh(), target)).toBe('hello\n');
});

describe('waiting for a host', () => {
  test('is retried until sshd is there', async () => {
    await sshd.stop();
    const reasons: string[] = [];
    const connecting = ssh().connect(sshd.target, {
      deadline: 20_000,
      onRetry: (reason) => {
        reasons.push(reason);
        if (reasons.length === 3) void sshd.start();
      },
    });
    expect((await (await connecting).run({ text: 'true' })).code).toBe(0);
    expect(reasons.length).toBeGreaterThanOrEqual(3);
    expect(reasons.at(-1)).toContain('refused');
  });

  test('a connection dropped before the greeting is retried', async () => {
    const port = await listen(0, (socket) => socket.destroy());
    const reasons: string[] = [];
    const connecting = ssh().connect(
      { ...sshd.target, port },
      { deadline: 600, onRetry: (reason) => reasons.push(reason) },
    );
    await expect(connecting).rejects.toMatchObject({ code: 'SSH_UNREACHABLE' });
    expect(reasons.length).toBeGreaterThanOrEqual(2);
  });

  test('ends at the deadline, with the last reason', async () => {
    const port = await freePort();
    const started = performance.now();
    await expect(ssh().connect({ ...sshd.target, port }, { deadline: 400 })).rejects.toMatchObject({
      code: 'SSH_UNREACHABLE',
      member: 'core-01',
      message: matching(new RegExp(`core-01 \\(127.0.0.1:${port}\\).*within 0.4 s.*refused`)),
      hint: containing(`ssh -p ${port}`),
    });
    expect(performance.now() - started).toBeLessThan(2000);
  });

  test('a deadline of 0 tries once', async () => {
    const port = await freePort();
    const retries: string[] = [];
    const connecting = ssh().connect(
      { ...sshd.target, port },
      { deadline: 0, onRetry: (reason) => retries.push(reason) },
    );
    await expect(connecting).rejects.toMatchObject({ code: 'SSH_UNREACHABLE' });
    expect(retries).toEqual([]);
  });

  test('a server that accepts and says nothing is noticed by the attempt timeout', async () => {
    const port = await listen(0);
    await expect(ssh({ attemptTimeout: 200 }).connect({ ...sshd.target, port }, { deadline: 0 })).rejects.toMatchObject(
      { message: containing('no SSH handshake within 0.2 s') },
    );
  });

  test('a stopped sshd is noticed, and the retry succeeds when it goes on', async () => {
    process.kill(sshd.pid, 'SIGSTOP');
    const connection = await ssh({ attemptTimeout: 200 }).connect(sshd.target, {
      deadline: 20_000,
      onRetry: () => process.kill(sshd.pid, 'SIGCONT'),
    });
    expect((await connection.run({ text: 'true' })).code).toBe(0);
  });

  test('the deadline ends an attempt that hangs', async () => {
    const port = await listen(0);
    await expect(ssh().connect({ ...sshd.target, port }, { deadline: 300 })).rejects.toMatchObject({
      code: 'SSH_UNREACHABLE',
      message: containing('connected, but no SSH handshake'),
    });
  });

  test('an abort is honoured at once, with its reason', async () => {
    const port = await listen(0);
    const stop = new AbortController();
    const reason = new Error('enough');
    const connecting = ssh().connect({ ...sshd.target, port }, { deadline: 60_000, signal: stop.signal });
    setTimeout(() => {
      stop.abort(reason);
    }, 50);
    const started = performance.now();
    await expect(connecting).rejects.toBe(reason);
    expect(performance.now() - started).toBeLessThan(1000);
    await expect(ssh().connect(sshd.target, { deadline: 1000, signal: stop.signal })).rejects.toBe(reason);
  });

  test('a name that does not resolve is not retried', async () => {
    const retries: string[] = [];
    await expect(
      ssh().connect(
        { ...sshd.target, address: 'no-such-host.invalid' },
        { deadline: 20_000, onRetry: (reason) => retries.push(reason) },
      ),
    ).rejects.toMatchObject({ code: 'SSH_UNREACHABLE' });
    expect(retries.filter((reason) => !reason.includes('for the moment'))).toEqual([]);
  });
});

describe('host keys', () => {
  test('a changed key is refused at once and tells both fingerprints and the line', async () => {
    const expected = await otherKey();
    writeFileSync(sshd.knownHostsFile, `# first\n${formatKnownHost('127.0.0.1', sshd.port, expected)}`);
    const retries: string[] = [];
    const connecting = ssh({ acceptNew: true }).connect(sshd.target, {
      deadline: 10_000,
      onRetry: (reason) => retries.push(reason),
    });
    const error = (await connecting.catch((thrown: unknown) => thrown)) as Error & { hint: string };
    expect(error).toMatchObject({ code: 'SSH_HOST_KEY_CHANGED', exitCode: 1, member: 'core-01' });
    expect(error.message).toContain('127.0.0.1');
    expect(error.message).toContain(fingerprint(expected));
    expect(error.message).toContain(fingerprint(sshd.hostKeyBlob));
    expect(error.message).toContain(`${sshd.knownHostsFile}:2`);
    expect(error.hint).toContain('ssh-keygen');
    expect(retries).toEqual([]);
  });

  test('a host with keys of other types than the pinned one counts as changed', async () => {
    const file = join(sshd.directory, 'ecdsa');
    execFileSync('ssh-keygen', ['-q', '-t', 'ecdsa', '-N', '', '-f', file]);
    const ecdsa = parsePublicKey(readFileSync(`${file}.pub`, 'utf8'));
    writeFileSync(sshd.knownHostsFile, formatKnownHost('127.0.0.1', sshd.port, ecdsa as Buffer));
    await expect(ssh().connect(sshd.target, { deadline: 0 })).rejects.toMatchObject({
      code: 'SSH_HOST_KEY_CHANGED',
      message: containing('ecdsa-sha2-nistp256'),
    });
  });

  test('an unknown key is refused, nothing is written', async () => {
    writeFileSync(sshd.knownHostsFile, '');
    await expect(ssh().connect(sshd.target, { deadline: 0 })).rejects.toMatchObject({
      code: 'SSH_HOST_KEY_UNKNOWN',
      message: containing(fingerprint(sshd.hostKeyBlob)),
    });
    expect(readFileSync(sshd.knownHostsFile, 'utf8')).toBe('');
  });

  test('acceptNew pins it, in a file of its own, for the next one to rely on', async () => {
    const knownHostsFile = join(sshd.directory, 'state', 'known_hosts');
    expect(await echo(ssh({ knownHostsFile, acceptNew: true }))).toBe('hello\n');
    expect(readFileSync(knownHostsFile, 'utf8')).toBe(formatKnownHost('127.0.0.1', sshd.port, sshd.hostKeyBlob));
    expect(statSync(knownHostsFile).mode & 0o777).toBe(0o600);
    expect(await echo(ssh({ knownHostsFile }))).toBe('hello\n');
  });

  test('it is appended behind a file without a last line end', async () => {
    const first = formatKnownHost('10.0.0.1', 22, await otherKey()).trimEnd();
    writeFileSync(sshd.knownHostsFile, first);
    expect(await echo(ssh({ acceptNew: true }))).toBe('hello\n');
    expect(readFileSync(sshd.knownHostsFile, 'utf8')).toBe(
      `${first}\n${formatKnownHost('127.0.0.1', sshd.port, sshd.hostKeyBlob)}`,
    );
  });

  test('a person is asked once, and the attempt timeout waits for the answer', async () => {
    writeFileSync(sshd.knownHostsFile, '');
    const questions: string[] = [];
    const client = ssh({
      attemptTimeout: 400,
      confirm: async (question) => {
        questions.push(`${question.target.name} ${question.type} ${question.fingerprint}`);
        await new Promise((resolve) => setTimeout(resolve, 600));
        return true;
      },
    });
    expect(await Promise.all([echo(client), echo(client)])).toEqual(['hello\n', 'hello\n']);
    expect(questions).toEqual([`core-01 ssh-ed25519 ${fingerprint(sshd.hostKeyBlob)}`]);
  });

  test('a person says no', async () => {
    writeFileSync(sshd.knownHostsFile, '');
    await expect(
      ssh({ confirm: () => Promise.resolve(false) }).connect(sshd.target, { deadline: 10_000 }),
    ).rejects.toMatchObject({ code: 'SSH_HOST_KEY_UNKNOWN' });
  });

  test('the project’s own file must be readable', async () => {
    await expect(ssh({ knownHostsFile: sshd.directory }).connect(sshd.target, { deadline: 0 })).rejects.toMatchObject({
      code: 'KNOWN_HOSTS',
      message: containing(sshd.directory),
    });
  });

  test('a key in the config decides', async () => {
    writeFileSync(sshd.knownHostsFile, '');
    const right = { ...sshd.target, hostKey: sshd.hostKey.publicKey };
    expect(await echo(ssh(), right)).toBe('hello\n');
    const wrong = { ...sshd.target, hostKey: (await generateKeyPair('x')).publicKey };
    await expect(ssh().connect(wrong, { deadline: 0 })).rejects.toMatchObject({ code: 'SSH_HOST_KEY_CHANGED' });
    await expect(ssh().connect({ ...right, hostKey: 'nonsense' }, { deadline: 0 })).rejects.toMatchObject({
      code: 'SSH_HOST_KEY_INVALID',
    });
  });

  test('a revoked key is refused even so', async () => {
    writeFileSync(sshd.knownHostsFile, `@revoked * ${sshd.hostKey.publicKey}\n`);
    await expect(
      ssh({ acceptNew: true }).connect({ ...sshd.target, hostKey: sshd.hostKey.publicKey }, { deadline: 0 }),
    ).rejects.toMatchObject({ code: 'SSH_HOST_KEY_REVOKED' });
  });
});

describe('logging in', () => {
  test('a wrong key is refused, naming user, address and key', async () => {
    const wrong = join(sshd.directory, 'wrong');
    writeFileSync(wrong, (await generateKeyPair('wrong')).privateKey, { mode: 0o600 });
    await expect(ssh().connect({ ...sshd.target, identityFile: wrong }, { deadline: 0 })).rejects.toMatchObject({
      code: 'SSH_AUTH',
      member: 'core-01',
      message: matching(new RegExp(`127.0.0.1:${sshd.port}.* as ${sshd.target.user} .*${wrong}`)),
    });
  });

  test('a refusal is retried within a short grace only', async () => {
    const wrong = join(sshd.directory, 'wrong');
    writeFileSync(wrong, (await generateKeyPair('wrong')).privateKey, { mode: 0o600 });
    const retries: string[] = [];
    await expect(
      ssh().connect(
        { ...sshd.target, identityFile: wrong },
        { deadline: 60_000, onRetry: (reason) => retries.push(reason) },
      ),
    ).rejects.toMatchObject({ code: 'SSH_AUTH' });
    expect(retries).toHaveLength(2);
  });

  test('a key that is let in while we wait', async () => {
    const file = join(sshd.directory, 'authorized_keys');
    const authorized = readFileSync(file);
    writeFileSync(file, '');
    const connection = await ssh().connect(sshd.target, {
      deadline: 10_000,
      onRetry: () => {
        writeFileSync(file, authorized);
      },
    });
    expect((await connection.run({ text: 'true' })).code).toBe(0);
  });

  test('missing, unusable and protected keys are told apart', async () => {
    const connect = (identityFile: string) => ssh().connect({ ...sshd.target, identityFile }, { deadline: 0 });
    await expect(connect(join(sshd.directory, 'none'))).rejects.toMatchObject({ code: 'SSH_KEY_MISSING' });
    await expect(connect(`${sshd.identityFile}.pub`)).rejects.toMatchObject({ code: 'SSH_KEY_INVALID' });
    execFileSync('ssh-keygen', ['-q', '-p', '-f', sshd.identityFile, '-P', '', '-N', 'passphrase']);
    await expect(connect(sshd.identityFile)).rejects.toMatchObject({
      code: 'SSH_KEY_ENCRYPTED',
      hint: containing('ssh-add'),
    });
  });

  test('without an identity file the usual keys are tried', async () => {
    const { identityFile: _, ...target } = sshd.target;
    await expect(ssh().connect(target, { deadline: 0 })).rejects.toMatchObject({ code: 'SSH_NO_KEY' });
    execFileSync('sh', ['-c', 'mkdir .ssh && cp id_ed25519 .ssh/id_rsa'], { cwd: sshd.directory });
    writeFileSync(join(sshd.directory, '.ssh', 'id_ed25519'), (await generateKeyPair('wrong')).privateKey);
    expect(await echo(ssh(), target)).toBe('hello\n');
  });

  describe('with an agent', () => {
    let agent: { readonly socket: string; readonly pid: number };

    beforeEach(() => {
      const socket = join(sshd.directory, 'agent');
      const output = execFileSync('ssh-agent', ['-a', socket], { encoding: 'utf8' });
      agent = { socket, pid: Number(/SSH_AGENT_PID=(\d+)/.exec(output)?.[1]) };
    });
    afterEach(() => {
      process.kill(agent.pid);
    });
    const add = (file: string) => {
      execFileSync('ssh-add', ['-q', file], { env: { ...process.env, SSH_AUTH_SOCK: agent.socket }, stdio: 'ignore' });
    };

    test('its keys are used', async () => {
      const { identityFile: _, ...target } = sshd.target;
      add(sshd.identityFile);
      expect(await echo(ssh({ agent: agent.socket }), target)).toBe('hello\n');
    });

    test('for a protected identity file only that key is offered', async () => {
      for (let index = 0; index < 8; index++) {
        const file = join(sshd.directory, `other-${index}`);
        writeFileSync(file, (await generateKeyPair('other')).privateKey, { mode: 0o600 });
        add(file); // more than MaxAuthTries lets one try
      }
      add(sshd.identityFile);
      execFileSync('ssh-keygen', ['-q', '-p', '-f', sshd.identityFile, '-P', '', '-N', 'passphrase']);
      expect(await echo(ssh({ agent: agent.socket }))).toBe('hello\n');
    });

    test('an agent that is gone is passed over', async () => {
      const { identityFile: _, ...target } = sshd.target;
      execFileSync('sh', ['-c', 'mkdir .ssh && cp id_ed25519 .ssh/'], { cwd: sshd.directory });
      expect(await echo(ssh({ agent: join(sshd.directory, 'nowhere') }), target)).toBe('hello\n');
    });
  });
});
