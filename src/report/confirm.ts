import { createInterface } from 'node:readline/promises';
import { InterruptedError } from '../util/errors.js';
import { inForeground } from './foreground.js';

/** Where a question is asked; the program's own terminal if not given. */
export interface Terminal {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
}

/**
 * Asks a question on the terminal.
 *
 * @returns the line that was typed, without surrounding white space; '' where the input has ended
 * @throws InterruptedError for Ctrl-C, which readline takes for itself while it asks
 */
export function ask(question: string, terminal: Terminal = { input: process.stdin, output: process.stderr }) {
  return inForeground(() => answerTo(question, terminal));
}

async function answerTo(question: string, { input, output }: Terminal): Promise<string> {
  const readline = createInterface({ input, output });
  try {
    return await new Promise<string>((resolve, reject) => {
      const noAnswer = (): void => {
        resolve('');
      };
      readline.once('SIGINT', () => {
        reject(new InterruptedError());
      });
      // A question that is open when the input ends is never answered.
      readline.once('close', noAnswer);
      readline.question(`${question} `).then((answer) => {
        resolve(answer.trim());
      }, noAnswer);
    });
  } finally {
    readline.close();
  }
}

/** Asks a yes-or-no question on the terminal; anything but yes is no. */
export async function confirm(question: string, terminal?: Terminal): Promise<boolean> {
  return /^y(es)?$/i.test(await ask(`${question} [y/N]`, terminal));
}
