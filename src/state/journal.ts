import { randomBytes } from 'node:crypto';
import { appendFileSync, renameSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { runsOf, type Entry, type RunRecord } from './journal-entries.js';
import { describeSelf } from './owner.js';
import type { StateDirectory } from './state.js';

export type { RunRecord } from './journal-entries.js';

const FILE = 'journal';
/** Kept beside it: what was written before it had become too long. */
const OLDER = 'journal.1';
/** Bytes; beyond that a new file is begun. */
const LIMIT = 256 * 1024;

/** How a run came to its end. */
export type Outcome = 'done' | 'failed' | 'interrupted';

/**
 * Writes down what a run is about to do, line by line, so that the next one can tell what was under way when this one was
 * killed. It holds names of members, paths and units, and no contents. It is a help, no need: where it cannot be written,
 * the run goes on without.
 */
export class Journal {
  readonly #path: string;
  readonly #older: string;
  readonly #began: Entry;
  readonly #run = randomBytes(4).toString('hex');
  #size: number;

  private constructor(directory: StateDirectory, command: string) {
    this.#path = directory.file(FILE);
    this.#older = directory.file(OLDER);
    this.#size = statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0;
    const { pid, host, user } = describeSelf(command);
    this.#began = { event: 'began', command, pid, host, ...(user === undefined ? {} : { user }) };
    // What was killed in the middle of a line has left no end of line.
    this.#append(`${this.#size === 0 ? '' : '\n'}${this.#line(this.#began)}`);
  }

  /** Begins with a run; the project's lock must be held. */
  static begin(directory: StateDirectory, command: string): Journal {
    return new Journal(directory, command);
  }

  phase(title: string): void {
    this.#write({ event: 'phase', title });
  }

  /** @param changes how many each member needs */
  plan(changes: Readonly<Record<string, number>>): void {
    this.#write({ event: 'plan', changes });
  }

  /** A step of a member has begun, and the one before has ended. */
  step(member: string, step: string): void {
    this.#write({ event: 'step', member, step });
  }

  /** The last step that had begun on a member has ended. */
  stepped(member: string): void {
    this.#write({ event: 'stepped', member });
  }

  end(outcome: Outcome): void {
    this.#write({ event: 'ended', outcome });
  }

  #write(entry: Entry): void {
    if (this.#size > LIMIT) this.#turn();
    this.#append(this.#line(entry));
  }

  #line(entry: Entry): string {
    return `${JSON.stringify({ run: this.#run, at: new Date().toISOString(), ...entry })}\n`;
  }

  /** One write each: nobody else writes, and what is written stays when this process is killed. */
  #append(text: string): void {
    try {
      appendFileSync(this.#path, text, { mode: 0o600 });
      this.#size += Buffer.byteLength(text);
    } catch {
      // A full disk, say: it shows where something is written that is needed.
    }
  }

  #turn(): void {
    try {
      renameSync(this.#path, this.#older);
      this.#size = 0;
    } catch {
      return;
    }
    this.#append(this.#line(this.#began));
  }
}

/** What is known of the last runs, the oldest first. Whether one without an end still runs, the lock tells. */
export async function readJournal(directory: StateDirectory): Promise<readonly RunRecord[]> {
  const texts = await Promise.all([OLDER, FILE].map((name) => readFile(directory.file(name), 'utf8').catch(() => '')));
  return runsOf(texts.join('\n'));
}

/**
 * The last run, if it was killed: for whoever holds the lock, or knows that nobody does.
 *
 * @returns undefined where the last run came to its end, or there was none
 */
export async function killedRun(directory: StateDirectory): Promise<RunRecord | undefined> {
  const last = (await readJournal(directory)).at(-1);
  return last?.outcome === undefined ? last : undefined;
}
