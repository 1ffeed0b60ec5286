import type { ClientChannel } from 'ssh2';
import type { Exit } from './port.js';

/** Resolves when the remote side has closed the channel; undefined where it told no exit status. */
export function exitOf(channel: ClientChannel): Promise<Exit | undefined> {
  return new Promise((resolve) => {
    let exit: Exit | undefined;
    channel.on('exit', (code: number | null, signal?: string) => {
      exit = { code, signal: signal ?? null };
    });
    channel.once('close', () => {
      resolve(exit);
    });
  });
}

/** Resolves when everything that stderr had has been read: its end may come after the channel's close. */
export function endOf(stream: ClientChannel['stderr']): Promise<void> {
  return new Promise((resolve) => {
    stream.once('end', resolve).once('close', resolve);
  });
}
