import type { ClientChannel } from 'ssh2';
import type { Exit } from './port.js';

/**
 * Resolves when the remote side has closed the channel; undefined where it told no exit status.
 *
 * It listens for `close`, which ssh2 gives the exit status too, and not for `exit`: a command that is over at once has
 * its whole life in one packet, and its `exit` event has gone by before anybody holds the channel. `close` waits until
 * the output has been read.
 */
export function exitOf(channel: ClientChannel): Promise<Exit | undefined> {
  return new Promise((resolve) => {
    channel.once('close', (code: number | null | undefined, signal?: string) => {
      resolve(code === undefined ? undefined : { code, signal: signal ?? null });
    });
  });
}

/** Resolves when everything that stderr had has been read: its end may come after the channel's close. */
export function endOf(stream: ClientChannel['stderr']): Promise<void> {
  return new Promise((resolve) => {
    stream.once('end', resolve).once('close', resolve);
  });
}
