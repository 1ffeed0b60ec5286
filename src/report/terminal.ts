import { Ansis } from 'ansis';
import { createLogUpdate } from 'log-update';
import { addDisplay, type Display } from './foreground.js';
import type { Outcome, Reporter, StepNote } from './port.js';

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 80;

interface Line {
  readonly note: string;
  readonly outcome: Outcome;
}

/**
 * The running phase with a line per member, redrawn in place; when a phase is over, its title stays, and the lines of
 * members that failed.
 */
export class TerminalReporter implements Reporter, Display {
  private readonly draw: ReturnType<typeof createLogUpdate>;
  private readonly color: Ansis;
  private title: string | undefined;
  private lines = new Map<string, Line>();
  private frame = 0;
  private paused = false;

  constructor(
    private readonly out: NodeJS.WriteStream,
    private readonly verbose: boolean,
    colors: boolean,
  ) {
    this.draw = createLogUpdate(out);
    this.color = new Ansis(colors ? 3 : 0);
  }

  async phase<T>(title: string, run: () => Promise<T>): Promise<T> {
    this.title = title;
    this.lines = new Map();
    const timer = setInterval(() => {
      this.frame++;
      this.redraw();
    }, FRAME_MS);
    const leave = addDisplay(this);
    this.redraw();
    try {
      const result = await run();
      this.settle(this.color.green('✔'));
      return result;
    } catch (error) {
      this.settle(this.color.red('✖'));
      throw error;
    } finally {
      leave();
      clearInterval(timer);
    }
  }

  pause(): void {
    this.paused = true;
    this.draw.clear();
    this.draw.done();
  }

  resume(): void {
    this.paused = false;
    this.redraw();
  }

  member(name: string, note: string, outcome: Outcome = 'running'): void {
    this.lines.set(name, { note, outcome });
    if (this.title === undefined) this.above(`  ${name}: ${note}`);
    else this.redraw();
  }

  step(member: string, { step, of, kind, target }: StepNote): void {
    this.member(member, `${step}/${of}  ${kind} ${target}`);
  }

  info(text: string): void {
    this.above(text);
  }

  warn(text: string): void {
    this.above(`${this.color.yellow('warning:')} ${text}`);
  }

  debug(text: string): void {
    if (this.verbose) this.above(this.color.dim(text));
  }

  private settle(mark: string): void {
    const failed = [...this.lines].filter(([, line]) => line.outcome === 'failed').map((entry) => this.line(entry));
    const title = this.title ?? '';
    this.title = undefined;
    this.draw([`${mark} ${title}`, ...failed].join('\n'));
    this.draw.done();
  }

  /** Prints something that stays, above the running phase. */
  private above(text: string): void {
    this.draw.clear();
    this.out.write(`${text}\n`);
    this.redraw();
  }

  private redraw(): void {
    if (this.title === undefined || this.paused) return;
    const columns = this.out.columns || 80;
    const spinner = this.color.cyan(FRAMES[this.frame % FRAMES.length] ?? '');
    // More members than rows would make the terminal scroll: those that still run matter most.
    const room = Math.max(3, (this.out.rows || 24) - 3);
    const entries = [...this.lines].sort(([, a], [, b]) => rank(a) - rank(b));
    const shown = entries.slice(0, room).map((entry) => this.line(entry, columns));
    const hidden = entries.length - shown.length;
    this.draw(
      [
        `${spinner} ${fitted(this.title, columns - 2)}`,
        ...shown,
        ...(hidden > 0 ? [`  … and ${hidden} more`] : []),
      ].join('\n'),
    );
  }

  /** @param width cuts the note so that the line takes one row: more would make the terminal scroll */
  private line([name, { note, outcome }]: [string, Line], width = Infinity): string {
    const mark = { running: ' ', done: this.color.green('✔'), failed: this.color.red('✖') }[outcome];
    const fitting = fitted(oneLine(note), width - name.length - 6);
    return `  ${mark} ${name}  ${outcome === 'done' ? this.color.dim(fitting) : fitting}`;
  }
}

/** One row, whatever happens: what is cut off has a mark. */
function fitted(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(1, width - 1))}…`;
}

/** What comes from a host could hold line breaks, and codes that steer the terminal. */
function oneLine(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
}

function rank(line: Line): number {
  return { failed: 0, running: 1, done: 2 }[line.outcome];
}
