import type { Readable, Writable } from 'node:stream';
import type { ReadStream, WriteStream } from 'node:tty';
import type { ClientChannel, PseudoTtyOptions } from 'ssh2';
import { orAbort } from './abort.js';
import { endOf, exitOf } from './collect.js';
import type { Exit, Streams } from './port.js';

/** The terminal to ask for: of the type and size of the one that `stdout` is. */
export function terminalOf(stdout: Writable): PseudoTtyOptions {
  const { columns = 80, rows = 24 } = stdout as Partial<WriteStream>;
  return { term: process.env.TERM ?? 'xterm-256color', cols: columns, rows, width: 0, height: 0 };
}

/**
 * Connects a channel with local streams until the remote side has closed it. The local streams stay open; stdin is
 * paused and back in its old mode afterwards, whatever happens.
 *
 * @returns undefined where the channel closed without an exit status
 */
export async function stream(channel: ClientChannel, streams: Streams, stop: AbortSignal): Promise<Exit | undefined> {
  const { stdin, stdout, stderr } = streams;
  const ended = Promise.all([exitOf(channel), endOf(channel.stderr)]);
  const pipes = watchPipes([stdout, stderr]);
  const restore = [pipes.stop, streams.terminal === true ? followTerminal(channel, stdin, stdout) : () => undefined];
  try {
    channel.pipe(stdout, { end: false });
    channel.stderr.pipe(stderr, { end: false });
    if (stdin === undefined) {
      channel.end();
    } else {
      restore.push(feedFrom(stdin, channel));
    }
    const outcome = await orAbort(Promise.race([ended, pipes.broken]), stop);
    if (outcome === 'broken') return { code: null, signal: 'SIGPIPE' };
    await orAbort(Promise.race([Promise.all([flushed(stdout), flushed(stderr)]), pipes.broken]), stop);
    return outcome[0];
  } finally {
    for (const undo of restore.reverse()) undo();
    channel.unpipe(stdout);
    channel.stderr.unpipe(stderr);
  }
}

/** Passes stdin on, its end included; the returned function lets go of it, so that it keeps no process alive. */
function feedFrom(stdin: Readable, channel: ClientChannel): () => void {
  if (stdin.readableEnded) channel.end();
  else stdin.pipe(channel);
  return () => {
    stdin.unpipe(channel);
    stdin.pause();
  };
}

/** Raw mode, so that Ctrl-C and the like are the remote side's, and window changes passed on. */
function followTerminal(channel: ClientChannel, stdin: Readable | undefined, stdout: Writable): () => void {
  const keyboard = stdin as Partial<ReadStream> | undefined;
  const wasRaw = keyboard?.isRaw ?? false;
  const raw = keyboard?.isTTY === true && !wasRaw;
  if (raw) keyboard.setRawMode?.(true);
  const onResize = () => {
    const { cols = 80, rows = 24 } = terminalOf(stdout);
    channel.setWindow(rows, cols, 0, 0);
  };
  stdout.on('resize', onResize);
  return () => {
    stdout.off('resize', onResize);
    if (raw) keyboard.setRawMode?.(wasRaw);
  };
}

/** Notices that the reader of our output has gone away (`coreup ssh core-01 -- … | head`). */
function watchPipes(outputs: readonly Writable[]): { readonly broken: Promise<'broken'>; stop: () => void } {
  const undo: (() => void)[] = [];
  const broken = new Promise<'broken'>((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') resolve('broken');
      else reject(error);
    };
    for (const output of outputs) {
      output.on('error', onError);
      undo.push(() => output.off('error', onError));
    }
  });
  return {
    broken,
    stop() {
      for (const step of undo) step();
    },
  };
}

function flushed(output: Writable): Promise<void> {
  return new Promise((resolve) => {
    output.write('', () => {
      resolve();
    });
  });
}
