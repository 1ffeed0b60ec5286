import type { ClientChannel } from 'ssh2';
import { orAbort } from './abort.js';
import type { SudoMarkers } from './sudo.js';

/** Milliseconds in which sudo must have asked or started; authentication modules may delay after a wrong password. */
const PATIENCE = 30_000;

/** How it ended with sudo. */
export type Passed =
  /** The command runs; `stderr` is what it has printed there since. */
  | { readonly outcome: 'started'; readonly stderr: Buffer }
  /** sudo did not take the password and has ended. */
  | { readonly outcome: 'refused'; readonly said: string }
  /** There is no password, or sudo wants something else. */
  | { readonly outcome: 'stuck'; readonly said: string };

/**
 * Answers sudo's questions until it starts the command. stderr is left paused then, without anything that sudo said; nothing
 * is read from stdout.
 *
 * @param password the answer; told whether the one before was refused. undefined for none
 */
export async function passSudo(
  channel: ClientChannel,
  { prompt, started }: SudoMarkers,
  password: (refused: boolean) => Promise<string | undefined>,
  stop: AbortSignal,
): Promise<Passed> {
  const ear = listen(channel.stderr, started);
  try {
    for (let asked = 0; ;) {
      const at = ear.heard.indexOf(started);
      if (at >= 0) return { outcome: 'started', stderr: ear.heard.subarray(at + started.length) };
      const parts = ear.heard.toString().split(prompt);
      const said = parts.join('').trim();
      if (parts.length - 1 > asked) {
        const answer = await orAbort(password(asked++ > 0), stop);
        if (answer === undefined) return { outcome: 'stuck', said };
        channel.write(`${answer}\n`);
      } else if (ear.ended) {
        return { outcome: asked > 0 ? 'refused' : 'stuck', said };
      } else if ((await orAbort(ear.news(PATIENCE), stop)) === 'silence') {
        return { outcome: 'stuck', said: said || 'it neither asks for a password nor goes on' };
      }
    }
  } finally {
    ear.close();
  }
}

/** Collects what comes on a stream, up to and with the chunk that holds `last`. */
function listen(stream: ClientChannel['stderr'], last: string) {
  let wake: (news: 'news') => void = () => undefined;
  const ear = {
    heard: Buffer.alloc(0),
    ended: false,
    /** Waits for more, or for so many milliseconds. */
    async news(patience: number): Promise<'news' | 'silence'> {
      let timer: NodeJS.Timeout | undefined;
      try {
        return await new Promise<'news' | 'silence'>((resolve) => {
          wake = resolve;
          timer = setTimeout(() => {
            resolve('silence');
          }, patience);
        });
      } finally {
        clearTimeout(timer);
      }
    },
    close(): void {
      stream.off('data', onData).off('end', onEnd);
    },
  };
  const onData = (chunk: Buffer) => {
    ear.heard = Buffer.concat([ear.heard, chunk]);
    if (ear.heard.includes(last)) stream.pause();
    wake('news');
  };
  const onEnd = () => {
    ear.ended = true;
    wake('news');
  };
  stream.on('data', onData).once('end', onEnd);
  return ear;
}
