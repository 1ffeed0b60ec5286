import pLimit from 'p-limit';
import type { ClientChannel } from 'ssh2';
import { pause, throwIfAborted } from './abort.js';

/** Below sshd's default of ten sessions on one connection (MaxSessions). */
const SESSIONS = 8;
/** Milliseconds to wait, refusal by refusal, while sshd frees sessions that have ended. */
const FREEING = [10, 20, 50, 100, 200];

type Open = (callback: (error: Error | undefined, channel: ClientChannel) => void) => unknown;

/** Session channels of one connection, never more at once than the server lets. */
export class Channels {
  readonly #limit = pLimit(SESSIONS);
  /** Sessions that are open or being asked for, and will end by themselves. */
  #taken = 0;
  readonly #counted = new Set<ClientChannel>();
  readonly #waiting: (() => void)[] = [];
  #everOpen = false;

  /**
   * Opens a session when there is room, hands it to `use`, and frees the room when the channel is closed.
   *
   * @param open calls ssh2
   * @param stop closes the channel when it aborts, or opens none. The command is sent SIGTERM first, but sshd passes
   *   signals on only where it has dropped its privileges: not to root's commands, which live on until they write.
   * @param standing nobody waits for it to end
   */
  with<T>(open: Open, stop: AbortSignal, use: (channel: ClientChannel) => Promise<T>, standing = false): Promise<T> {
    return this.#limit(async () => {
      const channel = await this.#opened(open, stop);
      if (standing) this.#release(channel);
      const onStop = () => {
        channel.signal('TERM');
        channel.close();
      };
      stop.addEventListener('abort', onStop, { once: true });
      try {
        throwIfAborted(stop);
        return await use(channel);
      } finally {
        stop.removeEventListener('abort', onStop);
        channel.close();
      }
    });
  }

  /**
   * A server set to fewer sessions refuses; then wait for one of ours to end, as long as there is one. sshd frees a
   * session only after the round of messages in which it was closed, so that a refusal may come just after the end.
   */
  async #opened(open: Open, stop: AbortSignal): Promise<ClientChannel> {
    for (let retry = 0; ;) {
      throwIfAborted(stop);
      this.#taken++;
      try {
        const channel = await call(open);
        this.#everOpen = true;
        this.#counted.add(channel);
        channel.once('close', () => {
          this.#release(channel);
        });
        return channel;
      } catch (error) {
        this.#release();
        if (this.#taken > 0) {
          await new Promise<void>((resolve) => this.#waiting.push(resolve));
        } else {
          const wait = FREEING[retry++];
          if (!this.#everOpen || wait === undefined) throw error;
          await pause(wait, stop);
        }
      }
    }
  }

  #release(channel?: ClientChannel): void {
    if (channel !== undefined && !this.#counted.delete(channel)) return;
    this.#taken--;
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

function call(open: Open): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    open((error, channel) => {
      if (error) reject(error);
      else resolve(channel.on('error', () => undefined)); // writing to a closed channel is no news: its close is
    });
  });
}
