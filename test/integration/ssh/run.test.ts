import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createHash, randomBytes } from 'node:crypto';
import { createSsh } from '../../../src/ssh/client.js';
import type { Connection, Ssh } from '../../../src/ssh/port.js';
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
    expect(await text(`${filler}printf %s "ü\\"\$HOME'"; exit 0\n\n\n`)).toBe(`ü"${process.env.HOME ?? ''}'`);
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
});
