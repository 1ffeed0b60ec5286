import { relative } from 'node:path';
import type { Project } from '../actions/project.js';
import { eventLine, EventReporter, type ErrorNote, type Event } from '../report/events.js';
import type { Reporter } from '../report/port.js';
import { RunLog } from '../report/run-log.js';
import { BaseCommand } from './base-command.js';
import { errorJson } from './error-text.js';
import { Flags } from './oclif.js';

/** Exit codes of a run that did what it was asked to: `plan --exit-code` tells of changes with 3. */
const GOOD = [0, 3];

/** A command that works for a while: it tells of that as events, too, and one that changes hosts keeps a log. */
export abstract class WorkCommand extends BaseCommand {
  static override baseFlags = {
    ...BaseCommand.baseFlags,
    events: Flags.boolean({
      summary: 'Tell on stdout what happens, one JSON object a line; the last has the result.',
      exclusive: ['json'],
      helpGroup: 'GLOBAL',
    }),
  };

  /** Whether a log of the run is kept. */
  protected changing = true;
  private readonly began = new Date();
  private begun = false;
  private runLog: RunLog | undefined;
  /** The end of a run that an error has ended. */
  private failure: unknown;

  protected override opened(project: Project): void {
    if (!this.changing) return;
    const run = { command: this.id ?? '', began: this.began };
    this.runLog = new RunLog(project.state.file('logs'), run, (problem) => super.tellWarning(problem));
    this.runLog.write(this.beginning(), this.began);
  }

  protected override tellWarning(text: string): void {
    this.tell({ event: 'warning', text });
    super.tellWarning(text);
  }

  /** What the person sees, and beside it the events and the log. */
  protected override async reporter(): Promise<Reporter> {
    // On one terminal, events and lines that redraw themselves would destroy each other.
    const seen = this.eventsEnabled() && process.stdout.isTTY ? undefined : await super.reporter();
    return new EventReporter(seen, (event) => this.tell(event));
  }

  /** Tells of members that failed where the run itself comes to its end. */
  protected tellFailures(failures: readonly (Omit<ErrorNote, 'code'> & { readonly code?: string })[]): void {
    for (const { code = 'INTERNAL', ...failure } of failures) this.tell({ event: 'error', code, ...failure });
  }

  /** `--events` keeps stdout as clean as `--json` does. */
  override jsonEnabled(): boolean {
    return super.jsonEnabled() || this.eventsEnabled();
  }

  /** The result is the last event instead. */
  protected override logJson(json: unknown): void {
    if (!this.eventsEnabled()) super.logJson(json);
  }

  protected override async catch(error: Error): Promise<unknown> {
    const document = errorJson(error);
    const { failures = [] } = error as { failures?: readonly ErrorNote[] };
    this.tellFailures(failures);
    this.tell({ event: 'error', ...document.error });
    this.failure = document;
    return super.catch(error);
  }

  protected override async _run<T>(): Promise<T> {
    const result = await super._run<T>();
    const exit_code = Number(process.exitCode ?? 0);
    const ok = GOOD.includes(exit_code);
    const seconds = (Date.now() - this.began.getTime()) / 1000;
    this.tell({ event: 'result', ok, exit_code, seconds, document: this.failure ?? result });
    const log = this.runLog?.path;
    if (!ok && log !== undefined) this.logToStderr(`Log: ${relative(process.cwd(), log)}`);
    this.runLog?.close();
    return result;
  }

  private tell(event: Event): void {
    const time = new Date();
    this.runLog?.write(event, time);
    if (!this.eventsEnabled() || (event.event === 'debug' && !this.common.verbose)) return;
    if (!this.begun) {
      this.begun = true;
      // Whoever reads may stop; the work goes on.
      process.stdout.on('error', () => undefined);
      process.stdout.write(eventLine(this.beginning(), this.began));
    }
    process.stdout.write(eventLine(event, time));
  }

  private beginning(): Event {
    return { event: 'begin', command: this.id ?? '', coreup: this.config.version, pid: process.pid };
  }

  private eventsEnabled(): boolean {
    const end = this.argv.indexOf('--');
    return (end === -1 ? this.argv : this.argv.slice(0, end)).includes('--events');
  }
}
