import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { PassThrough, Readable, Writable } from 'node:stream';
import { createSsh } from '../../../src/ssh/client.js';
import type { Connection, Exit, Ssh, Streams } from '../../../src/ssh/port.js';
import { quote } from '../../../src/util/shell.js';
import { Sshd } from './sshd.js';

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

/** A place that output goes to, and a way to wait for a text in it. */
class Sink extends Writable {
  #chunks: Buffer[] = [];
  #arrived: (() => void)[] = [];

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.#chunks.push(chunk);
    for (const wake of this.#arrived.splice(0)) wake();
    done();
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  get text(): string {
    return this.bytes.toString();
  }

  async until(text: string): Promise<void> {
    while (!this.text.includes(text)) await new Promise<void>((resolve) => this.#arrived.push(resolve));
  }
}

/** What a tty.WriteStream adds. */
class Screen extends Sink {
  columns = 91;
  rows = 17;
}

/** What a tty.ReadStream adds. */
class Keyboard extends PassThrough {
  readonly isTTY = true;
  isRaw = false;
  readonly modes: boolean[] = [];

  setRawMode(mode: boolean): this {
    this.isRaw = mode;
    this.modes.push(mode);
    return this;
  }
}

async function attach(
  command: string | undefined,
  streams: Partial<Streams> = {},
): Promise<Exit & { out: Sink; err: Sink }> {
  const out = new Sink();
  const err = new Sink();
  return { ...(await connection.attach(command, { stdout: out, stderr: err, ...streams })), out, err };
}

describe('without a terminal', () => {
  test('streams stdout and stderr apart and gives the code', async () => {
    const { code, signal, out, err } = await attach('echo out; echo err >&2; exit 5');
    expect({ code, signal, out: out.text, err: err.text }).toEqual({
      code: 5,
      signal: null,
      out: 'out\n',
      err: 'err\n',
    });
  });

  test('gives the signal', async () => {
    expect(await attach('kill -TERM $$')).toMatchObject({ code: null, signal: 'SIGTERM' });
  });

  test('commands that are over at once keep their exit code', async () => {
    for (let index = 0; index < 100; index++)
      expect(await attach(`exit ${index % 7}`)).toMatchObject({ code: index % 7 });
  });

  test('passes stdin on, with its end, byte for byte', async () => {
    const input = randomBytes(5 * 1024 * 1024);
    const { out, code } = await attach('cat', { stdin: Readable.from([input.subarray(0, 1), input.subarray(1)]) });
    expect(code).toBe(0);
    expect(out.bytes.equals(input)).toBe(true);
  });

  test('without stdin the command finds its end', async () => {
    expect((await attach('cat; echo end')).out.text).toBe('end\n');
  });

  test('without a command the login shell reads stdin', async () => {
    const { code, out } = await attach(undefined, { stdin: Readable.from(['echo $((6*7))\nexit 4\n']) });
    expect(code).toBe(4);
    expect(out.text).toContain('42\n');
  });

  test('a slow reader gets everything before it resolves', async () => {
    let got = 0;
    const slow = new Writable({
      highWaterMark: 1024,
      write(chunk: Buffer, _, done) {
        got += chunk.length;
        setImmediate(done);
      },
    });
    await attach('head -c 3000000 /dev/zero', { stdout: slow });
    expect(got).toBe(3_000_000);
  });

  test('an abort ends it with its reason and lets go of stdin', async () => {
    const stop = new AbortController();
    const stdin = new PassThrough();
    const out = new Sink();
    const attached = attach('echo up; exec sleep 30', { stdin, stdout: out, signal: stop.signal });
    await out.until('up');
    stop.abort();
    await expect(attached).rejects.toMatchObject({ code: 'INTERRUPTED', exitCode: 130 });
    expect(stdin.isPaused()).toBe(true);
    expect(stdin.listenerCount('data')).toBe(0);
  });

  test('output that nobody reads any more ends it', async () => {
    const broken = new Writable({
      write(_chunk, _encoding, done) {
        done(Object.assign(new Error('broken pipe'), { code: 'EPIPE' }));
      },
    });
    expect(await attach('yes', { stdout: broken })).toMatchObject({ code: null, signal: 'SIGPIPE' });
  });

  test('leaves no listeners on streams that outlive it', async () => {
    const stdout = new Sink();
    const stderr = new Sink();
    const stdin = new PassThrough();
    for (let index = 0; index < 3; index++) await connection.attach('true', { stdin, stdout, stderr });
    for (const stream of [stdout, stderr]) {
      expect(['error', 'resize', 'drain', 'unpipe'].map((name) => stream.listenerCount(name))).toEqual([0, 0, 0, 0]);
    }
    expect(['data', 'end', 'error'].map((name) => stdin.listenerCount(name))).toEqual([0, 0, 0]);
  });
});

describe('with a terminal', () => {
  test('has our size and type, follows resizes, passes Ctrl-C as a byte, and leaves raw mode', async () => {
    const stdin = new Keyboard();
    const stdout = new Screen();
    const script = [
      'trap "echo resized: \\$(stty size)" WINCH',
      'trap "echo interrupted; exit 9" INT',
      'echo "size: $(stty size) $TERM ready"',
      'while :; do sleep 0.02; done',
    ].join('; ');
    const attached = attach(`sh -c '${script}'`, { stdin, stdout, terminal: true });
    await stdout.until(`size: 17 91 ${process.env.TERM ?? 'xterm-256color'} ready`);
    expect(stdin.isRaw).toBe(true);
    stdout.columns = 133;
    stdout.rows = 44;
    stdout.emit('resize');
    await stdout.until('resized: 44 133');
    stdin.write('\x03');
    expect(await attached).toMatchObject({ code: 9, signal: null });
    expect(stdout.text).toContain('interrupted');
    expect(stdin.modes).toEqual([true, false]);
    expect(stdin.isPaused()).toBe(true);
  });

  test('is a login shell without a command', async () => {
    const stdin = new Keyboard();
    const stdout = new Screen();
    const attached = attach(undefined, { stdin, stdout, terminal: true });
    stdin.write('tty && exit 3\r');
    expect(await attached).toMatchObject({ code: 3 });
    expect(stdout.text).toContain('/dev/pts/');
  });

  test('raw mode is left also when the connection breaks', async () => {
    const fragile = await Sshd.create();
    const pool = createSsh({ knownHostsFile: fragile.knownHostsFile, agent: false });
    try {
      const doomed = await pool.connect(fragile.target, { deadline: 10_000 });
      const stdin = new Keyboard();
      const stdout = new Screen();
      const attached = doomed.attach('echo up; exec sleep 30', { stdin, stdout, stderr: new Sink(), terminal: true });
      attached.catch(() => undefined);
      await stdout.until('up');
      fragile.signalSessions('SIGKILL');
      await expect(attached).rejects.toMatchObject({ code: 'SSH_LOST' });
      expect(stdin.isRaw).toBe(false);
      expect(stdin.isPaused()).toBe(true);
    } finally {
      await pool.close();
      await fragile.remove();
    }
  });

  test('a terminal that was raw before stays raw', async () => {
    const stdin = new Keyboard();
    stdin.isRaw = true;
    await attach('true', { stdin, stdout: new Screen(), terminal: true });
    expect(stdin.modes).toEqual([]);
  });
});

describe('a process of its own', () => {
  const fixture = fileURLToPath(new URL('attach-process.fixture.ts', import.meta.url));
  const commandLine = (command: string, terminal: 'terminal' | 'plain') => [
    process.execPath,
    ...['--import', 'jiti/register', fixture, String(sshd.port), sshd.target.user, sshd.identityFile],
    ...[sshd.knownHostsFile, command, terminal],
  ];

  test('ends with the command although its stdin stays open', async () => {
    const [program = '', ...args] = commandLine('echo over; exit 3', 'plain');
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const [code] = (await once(child, 'exit')) as [number];
    expect(code).toBe(3);
  });

  test('on a real terminal: its size arrives, and the terminal is as before', async () => {
    const inner = commandLine('stty size', 'terminal').map(quote).join(' ');
    const before = quote(`${sshd.directory}/before`);
    const session = `stty cols 77 rows 22; stty -g > ${before}; ${inner}; [ "$(stty -g)" = "$(cat ${before})" ] && echo same`;
    const child = spawn('script', ['-qec', session, '/dev/null'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const out = new Sink();
    child.stdout.pipe(out);
    await once(child, 'close');
    expect(out.text).toContain('22 77');
    expect(out.text).toContain('same');
  });
});
