import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSsh } from '../../../src/ssh/client.js';
import type { Connection, Ssh } from '../../../src/ssh/port.js';
import { freePort, Sshd } from './sshd.js';
import { containing } from './matchers.js';

let sshd: Sshd;
let ssh: Ssh;
let connection: Connection;

beforeAll(async () => {
  sshd = await Sshd.create();
  ssh = createSsh({ knownHostsFile: sshd.knownHostsFile, agent: false });
  connection = await ssh.connect(sshd.target, { deadline: 10_000 });
});

afterAll(async () => {
  await ssh.close();
  await sshd.remove();
});

const text = async (script: string) => (await connection.run({ text: script })).stdout.toString();

describe('run', () => {
  test('gives code, stdout and stderr apart', async () => {
    const result = await connection.run({ text: 'echo out; echo err >&2; exit 3' });
    expect(result).toEqual({ code: 3, signal: null, stdout: Buffer.from('out\n'), stderr: Buffer.from('err\n') });
  });

  test('reports the signal that ended the command', async () => {
    expect(await connection.run({ text: 'kill -KILL $$' })).toMatchObject({ code: null, signal: 'SIGKILL' });
  });

  test('shows nothing of the script in any process list', async () => {
    const secret = 'S3cr3t-in-the-script';
    const commands = await text(`: ${secret}\ncat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '`);
    expect(commands).toContain('sshd');
    expect(commands).not.toContain(secret);
  });

  test('takes scripts longer than an argument may be, with any bytes', async () => {
    const filler = `# ${'ä'.repeat(300_000)}\n`;
    expect(await text(`${filler}printf %s "ü\\"\$HOME'"; exit 0\n\n\n`)).toBe(`ü"${sshd.directory}'`);
  });

  test('leaves the input after the script untouched', async () => {
    const input = randomBytes(10 * 1024 * 1024);
    const result = await connection.run({ text: 'sha256sum', input: [input.subarray(0, 5), input.subarray(5)] });
    expect(result.stdout.toString().split(' ')[0]).toBe(createHash('sha256').update(input).digest('hex'));
  });

  test('brings 10 MB back byte for byte, and streams them', async () => {
    const input = randomBytes(10 * 1024 * 1024);
    let streamed = 0;
    const result = await connection.run(
      { text: 'cat', input: [input] },
      { onStdout: (chunk) => (streamed += chunk.length) },
    );
    expect(result.stdout.equals(input)).toBe(true);
    expect(streamed).toBe(input.length);
  });

  test('runs more at once than sshd has sessions for', async () => {
    const results = await Promise.all(
      Array.from({ length: 40 }, (_, index) => connection.run({ text: `sleep 0.02; echo ${index}` })),
    );
    expect(results.map(({ stdout }) => stdout.toString())).toEqual(
      Array.from({ length: 40 }, (_, index) => `${index}\n`),
    );
  });

  test('commands that are over at once keep their exit code', async () => {
    for (let index = 0; index < 200; index++) {
      expect(await connection.run({ text: `exit ${index % 7}` })).toMatchObject({ code: index % 7 });
    }
  });

  test('a script that reads no stdin neither hangs nor fails', async () => {
    const input = [randomBytes(10 * 1024 * 1024)];
    expect(await connection.run({ text: 'exit 7', input })).toMatchObject({ code: 7 });
    expect(await connection.run({ text: 'exec <&-; sleep 0.1; echo done', input })).toMatchObject({ code: 0 });
  });

  test('stdin is at its end where there is no input', async () => {
    expect(await text('cat; echo end')).toBe('end\n');
  });

  test('an empty script, and one that ends in an open comment, are fine', async () => {
    expect(await connection.run({ text: '' })).toMatchObject({ code: 0, signal: null });
    expect(await text('echo a # b')).toBe('a\n');
    expect(await text('cat <<EOF\nhere\nEOF')).toBe('here\n');
  });

  test('set -e holds in the script', async () => {
    expect(await connection.run({ text: 'set -eu\nfalse\necho not here' })).toMatchObject({
      code: 1,
      stdout: Buffer.alloc(0),
    });
  });

  test('a syntax error is the script’s', async () => {
    const result = await connection.run({ text: 'echo (' });
    expect(result.code).toBe(2);
    expect(result.stderr.toString()).toMatch(/syntax error/i);
  });

  test('leaves no variable of its own behind', async () => {
    expect(await text('set | grep -c coreup-end || :')).toBe('0\n');
  });

  test('root needs no sudo', async () => {
    if (sshd.target.user !== 'root') return;
    expect(await connection.run({ text: 'id -u', sudo: true })).toMatchObject({ code: 0, stdout: Buffer.from('0\n') });
  });

  test('a timeout rejects in time and closes the channel', async () => {
    const started = performance.now();
    await expect(
      connection.run({ text: 'while echo up; do sleep 0.05; done' }, { timeout: 300 }),
    ).rejects.toMatchObject({
      code: 'SSH_TIMEOUT',
      member: 'core-01',
    });
    expect(performance.now() - started).toBeLessThan(2000);
    expect(await text('echo still alive')).toBe('still alive\n');
  });

  test('an abort rejects at once, also for what still waits for a session', async () => {
    const stop = new AbortController();
    const running = Array.from({ length: 12 }, () =>
      connection.run({ text: 'echo x; exec sleep 30' }, { signal: stop.signal, onStdout: () => stop.abort() }),
    );
    const outcomes = await Promise.allSettled(running);
    expect(
      outcomes.map((outcome) => (outcome.status === 'rejected' ? (outcome.reason as Error).message : 'ran')),
    ).toEqual(Array.from({ length: 12 }, () => 'interrupted'));
    expect(await text('echo still alive')).toBe('still alive\n');
  });
});

describe('forward', () => {
  test('opens a stream to a port over there', async () => {
    const server = createServer((socket) => socket.end('greetings')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const stream = await connection.forward('127.0.0.1', (server.address() as AddressInfo).port);
    const chunks = await stream.toArray();
    server.close();
    expect(Buffer.concat(chunks as Buffer[]).toString()).toBe('greetings');
  });

  test('names the port that does not answer', async () => {
    const port = await freePort();
    await expect(connection.forward('127.0.0.1', port)).rejects.toMatchObject({
      code: 'SSH_FORWARD',
      message: containing(`127.0.0.1:${port}`),
    });
  });
});

describe('forwardSocket', () => {
  test('opens a stream to a Unix socket over there', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'coreup-socket-'));
    const path = join(directory, 'service.sock');
    const server = createServer((socket) => socket.end('greetings')).listen(path);
    await once(server, 'listening');
    const stream = await connection.forwardSocket(path);
    const chunks = await stream.toArray();
    server.close();
    await rm(directory, { recursive: true });
    expect(Buffer.concat(chunks as Buffer[]).toString()).toBe('greetings');
  });

  test('names the socket that is not there', async () => {
    await expect(connection.forwardSocket('/nowhere/service.sock')).rejects.toMatchObject({
      code: 'SSH_FORWARD',
      message: containing('/nowhere/service.sock'),
    });
  });
});

describe('a server with few sessions', () => {
  test('what does not fit waits', async () => {
    const small = await Sshd.create({ config: ['MaxSessions 2'] });
    const pool = createSsh({ knownHostsFile: small.knownHostsFile, agent: false });
    try {
      const narrow = await pool.connect(small.target, { deadline: 10_000 });
      const results = await Promise.all(
        Array.from({ length: 10 }, (_, index) => narrow.run({ text: `sleep 0.02; echo ${index}` })),
      );
      expect(results.map(({ stdout }) => stdout.toString().trim())).toEqual(results.map((_, index) => String(index)));
    } finally {
      await pool.close();
      await small.remove();
    }
  });

  test('one that allows none says so', async () => {
    const closed = await Sshd.create({ config: ['MaxSessions 0'] });
    const pool = createSsh({ knownHostsFile: closed.knownHostsFile, agent: false });
    try {
      const connection = await pool.connect(closed.target, { deadline: 10_000 });
      await expect(connection.run({ text: 'true' })).rejects.toMatchObject({ code: 'SSH_SESSION', member: 'core-01' });
    } finally {
      await pool.close();
      await closed.remove();
    }
  });
});

describe('a connection that breaks', () => {
  let fragile: Sshd;
  let pool: Ssh;
  let doomed: Connection;

  beforeEach(async () => {
    fragile = await Sshd.create();
    pool = createSsh({ knownHostsFile: fragile.knownHostsFile, agent: false, keepalive: { interval: 100, count: 3 } });
    doomed = await pool.connect(fragile.target, { deadline: 10_000 });
  });
  afterEach(async () => {
    await pool.close();
    await fragile.remove();
  });

  /** Runs something long on the connection; `ready` resolves when its output has come. */
  function long(): { running: Promise<unknown>; ready: Promise<void> } {
    let running: Promise<unknown> = Promise.resolve();
    const ready = new Promise<void>((resolve) => {
      running = doomed.run({ text: 'echo up; exec sleep 30' }, { onStdout: () => resolve() });
      running.catch(() => undefined);
    });
    return { running, ready };
  }

  test('sshd killed: every pending run rejects, and the next connect makes a new connection', async () => {
    const runs = [long(), long(), long()];
    await Promise.all(runs.map(({ ready }) => ready));
    fragile.signalSessions('SIGKILL');
    for (const { running } of runs) {
      await expect(running).rejects.toMatchObject({ code: 'SSH_LOST', member: 'core-01' });
    }
    await expect(doomed.run({ text: 'true' })).rejects.toMatchObject({ code: 'SSH_LOST' });
    await expect(doomed.forward('127.0.0.1', 1)).rejects.toMatchObject({ code: 'SSH_LOST' });
    const again = await pool.connect(fragile.target, { deadline: 10_000 });
    expect(again).not.toBe(doomed);
    expect((await again.run({ text: 'true' })).code).toBe(0);
  });

  test('a peer that falls silent is noticed by the keepalive', async () => {
    const { running, ready } = long();
    await ready;
    fragile.signalSessions('SIGSTOP');
    const since = performance.now();
    await expect(running).rejects.toMatchObject({
      code: 'SSH_LOST',
      message: containing('nothing was heard'),
    });
    expect(performance.now() - since).toBeLessThan(3000);
  });

  test('closing does not wait for a peer that hangs', async () => {
    const patient = createSsh({ knownHostsFile: fragile.knownHostsFile, agent: false });
    const connection = await patient.connect(fragile.target, { deadline: 10_000 });
    fragile.signalSessions('SIGSTOP');
    const since = performance.now();
    await patient.close();
    expect(performance.now() - since).toBeLessThan(3000);
    await expect(connection.run({ text: 'true' })).rejects.toMatchObject({ code: 'SSH_LOST' });
  });

  test('an idle connection stays', async () => {
    await new Promise((resolve) => setTimeout(resolve, 1000)); // more than two times the silence that kills
    expect((await doomed.run({ text: 'echo here' })).stdout.toString()).toBe('here\n');
  });
});
