import { once } from 'node:events';
import type { ClientChannel } from 'ssh2';
import { endOf, exitOf } from './collect.js';
import type { Exit, RunResult } from './port.js';

/**
 * Feeds a command and collects its output.
 *
 * @param heard what stderr has given already
 * @returns undefined as exit where the channel closed without an exit status: the command's fate is not known
 */
export async function collect(
  channel: ClientChannel,
  input: AsyncIterable<Uint8Array>,
  onStdout?: (chunk: Buffer) => void,
  heard: Buffer = Buffer.alloc(0),
): Promise<Omit<RunResult, keyof Exit> & { exit: Exit | undefined }> {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [heard];
  channel.on('data', (chunk: Buffer) => {
    stdout.push(chunk);
    onStdout?.(chunk);
  });
  channel.stderr.on('data', (chunk: Buffer) => stderr.push(chunk)).resume();
  const ended = Promise.all([exitOf(channel), endOf(channel.stderr)]);
  // A command may end without reading its input: then nobody drains, and its end counts.
  await Promise.race([feed(channel, input), ended]);
  const [exit] = await ended;
  return { exit, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) };
}

async function feed(channel: ClientChannel, input: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of input) {
    if (!channel.writable) return;
    if (chunk.length > 0 && !channel.write(chunk)) await once(channel, 'drain');
  }
  channel.end();
}
