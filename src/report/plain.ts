import type { Outcome, Reporter } from './port.js';

/** Where lines go; process.stderr in the program, a string in tests. */
export interface Sink {
  write(text: string): unknown;
}

/** One line per event, each naming its member: for logs and pipes. */
export class PlainReporter implements Reporter {
  /** The last line of each member: a log gains nothing from the same line again. */
  private readonly last = new Map<string, string>();

  constructor(
    private readonly out: Sink,
    private readonly verbose: boolean,
  ) {}

  async phase<T>(title: string, run: () => Promise<T>): Promise<T> {
    this.last.clear();
    this.out.write(`${title}\n`);
    return run();
  }

  member(name: string, note: string, outcome: Outcome = 'running'): void {
    const line = `${name}: ${outcome === 'failed' ? 'FAILED: ' : ''}${note}`;
    if (this.last.get(name) === line) return;
    this.last.set(name, line);
    this.out.write(`${line}\n`);
  }

  info(text: string): void {
    this.out.write(`${text}\n`);
  }

  warn(text: string): void {
    this.out.write(`warning: ${text}\n`);
  }

  debug(text: string): void {
    if (this.verbose) this.out.write(`${text}\n`);
  }
}
