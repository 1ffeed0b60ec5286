import { quote } from '../util/shell.js';
import type { Script } from './port.js';

/** Ends every script, so that a script cut off by a lost connection is seen as such and not run in part. */
const END = '#coreup-end';

/** A script as the host gets it: words for its shell, without secrets, and what travels on stdin. */
export interface Bootstrap {
  readonly command: string;
  /** The script, to be followed by its input. */
  readonly head: Buffer;
}

/**
 * The remote command line only counts: it reads exactly the script's bytes from stdin and evaluates them, so the text
 * may hold secrets and be longer than an argument can be (128 KiB), and the rest of stdin is the script's input.
 * Relies on `head -c` not reading further than asked, which GNU's does not.
 */
export function bootstrap(script: Script): Bootstrap {
  if (script.text.includes('\0')) throw new RangeError('a shell script cannot hold a NUL character');
  const head = Buffer.from(`${script.text}\n${END}`);
  const body = `s=$(head -c ${head.length});case $s in *${END.replace('#', '\\#')}) eval "unset s;$s";;*) exit 255;esac`;
  return { command: `sh -c ${quote(body)}`, head };
}
