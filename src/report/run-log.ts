import { closeSync, mkdirSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { eventLine, type Event } from './events.js';

/** How many runs are kept. */
const KEPT = 20;
/** Names begin with the time, so that their order is that of the runs. */
const NAME = /^\d{8}T\d{9}Z-.*\.ndjson$/;

/**
 * The log of one run, in the format of `--events`. The file (0600) is made when the first phase begins: a run that was
 * refused before has changed nothing, and leaves none. It is a help, no need: where it cannot be written, the run goes on
 * without.
 */
export class RunLog {
  readonly #directory: string;
  readonly #path: string;
  readonly #onProblem: (text: string) => void;
  #waiting: string[] = [];
  #file: number | undefined;
  #broken = false;

  /**
   * @param directory where the logs are; the one above it exists when the first phase begins
   * @param onProblem told once if the log cannot be written
   */
  constructor(
    directory: string,
    { command, began }: { command: string; began: Date },
    onProblem: (text: string) => void,
  ) {
    this.#directory = directory;
    const time = began.toISOString().replace(/[-:.]/g, '');
    this.#path = join(directory, `${time}-${command}-${process.pid}.ndjson`);
    this.#onProblem = onProblem;
  }

  /** The file, once there is one. */
  get path(): string | undefined {
    return this.#file === undefined || this.#broken ? undefined : this.#path;
  }

  /** One write each: what is written stays when this process is killed. */
  write(event: Event, time: Date): void {
    if (this.#broken) return;
    this.#waiting.push(eventLine(event, time));
    if (this.#file === undefined && event.event !== 'phase-begin') return;
    try {
      this.#file ??= this.#open();
      for (const line of this.#waiting) writeSync(this.#file, line);
      this.#waiting = [];
    } catch (error) {
      this.#broken = true;
      this.#onProblem(`the log ${this.#path} cannot be written (${(error as Error).message}); going on without it`);
    }
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
    this.#broken = true;
  }

  #open(): number {
    try {
      mkdirSync(this.#directory, { mode: 0o700 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const others = readdirSync(this.#directory).filter((name) => NAME.test(name));
    for (const name of others.sort().slice(0, Math.max(0, others.length - KEPT + 1))) {
      rmSync(join(this.#directory, name), { force: true });
    }
    return openSync(this.#path, 'wx', 0o600);
  }
}
