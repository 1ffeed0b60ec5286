import type { ReadStream } from 'node:tty';
import { InterruptedError } from '../util/errors.js';
import { inForeground } from './foreground.js';

/** Where a secret is asked for; the program's own terminal if not given. */
export interface SecretTerminal {
  readonly input: Pick<ReadStream, 'on' | 'off' | 'pause' | 'resume' | 'unshift' | 'setRawMode' | 'isRaw'>;
  readonly output: NodeJS.WritableStream;
}

/**
 * Asks for a secret; nothing of what is typed shows, not even its length.
 *
 * @returns the line that was typed; '' where the input has ended
 * @throws InterruptedError for Ctrl-C
 */
export function askSecret(
  question: string,
  terminal: SecretTerminal = { input: process.stdin, output: process.stderr },
): Promise<string> {
  return inForeground(() => secretLine(question, terminal));
}

async function secretLine(question: string, { input, output }: SecretTerminal): Promise<string> {
  const wasRaw = input.isRaw;
  const typed = new TypedLine();
  // The echo is off before anybody is asked to type.
  input.setRawMode(true);
  output.write(`${question} `);
  let onData: (chunk: Buffer) => void = () => undefined;
  let onEnd: () => void = () => undefined;
  try {
    return await new Promise<string>((resolve, reject) => {
      onData = (chunk) => {
        const end = typed.take(chunk);
        if (end === undefined) return;
        if (end.rest.length > 0) input.unshift(end.rest);
        if (end.interrupted) reject(new InterruptedError());
        else resolve(typed.text);
      };
      onEnd = () => {
        resolve('');
      };
      input.on('data', onData);
      input.on('end', onEnd);
      input.resume();
    });
  } finally {
    input.off('data', onData);
    input.off('end', onEnd);
    input.pause();
    input.setRawMode(wasRaw);
    output.write('\n');
  }
}

/** A line as a terminal in raw mode gives it, key by key. */
class TypedLine {
  #bytes: number[] = [];

  get text(): string {
    return Buffer.from(this.#bytes).toString('utf8');
  }

  /** Takes the last character back, all of its bytes. */
  #rubOut(): void {
    while (((this.#bytes.pop() ?? 0) & 0xc0) === 0x80);
  }

  /** @returns undefined while the line goes on */
  take(chunk: Buffer): { readonly interrupted: boolean; readonly rest: Buffer } | undefined {
    for (const [at, byte] of chunk.entries()) {
      const rest = chunk.subarray(at + 1);
      if (byte === CTRL.c) return { interrupted: true, rest };
      if (byte === CTRL.m || byte === CTRL.j) return { interrupted: false, rest };
      if (byte === CTRL.d && this.#bytes.length === 0) return { interrupted: false, rest };
      if (byte === CTRL.u) this.#bytes = [];
      else if (byte === CTRL.h || byte === DELETE) this.#rubOut();
      else this.#bytes.push(byte);
    }
    return undefined;
  }
}

const CTRL = { c: 3, d: 4, h: 8, j: 10, m: 13, u: 21 };
const DELETE = 127;
