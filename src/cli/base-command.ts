import { Command, Flags } from './oclif.js';
import type { Project } from '../actions/project.js';
import type { Reporter } from '../report/port.js';
import { CoreupError } from '../util/errors.js';
import { errorJson, errorText } from './error-text.js';

/** The exit code of a program that Ctrl-C has ended. */
const INTERRUPTED = 130;

/** What every command has: the common flags, the project, the reporter, and one way to end with an error. */
export abstract class BaseCommand extends Command {
  static override enableJsonFlag = true;
  static override baseFlags = {
    config: Flags.string({
      summary: 'The config file; its directory is the project directory.',
      helpValue: 'FILE',
      helpGroup: 'GLOBAL',
      description: 'By default config.ts in the working directory.',
    }),
    color: Flags.boolean({
      summary: 'Colours on a terminal; NO_COLOR turns them off, too, and FORCE_COLOR gives them to pipes.',
      default: true,
      allowNo: true,
      helpGroup: 'GLOBAL',
    }),
    verbose: Flags.boolean({
      char: 'v',
      summary: 'Show each remote command, and stack traces of errors.',
      default: false,
      helpGroup: 'GLOBAL',
    }),
  };

  private interrupts = 0;
  private listening = false;
  /** Whether there is work that goes on for a moment after a Ctrl-C, and a person who should know. */
  private working = false;
  private readonly controller = new AbortController();

  /** The common flags, for code outside of `run`. */
  protected common: { config?: string | undefined; color: boolean; verbose: boolean } = { color: true, verbose: false };

  protected async project(): Promise<Project> {
    const { openProject } = await import('../actions/project.js');
    const project = await openProject(this.common.config);
    this.opened(project);
    for (const { file, line, message } of project.warnings) {
      this.tellWarning(`${file}${line === undefined ? '' : `:${line}`}: ${message}`);
    }
    return project;
  }

  /** Called once the project is known, before its warnings are told. */
  protected opened(_project: Project): void {
    return;
  }

  protected tellWarning(text: string): void {
    this.logToStderr(`warning: ${text}`);
  }

  protected async reporter(): Promise<Reporter> {
    const { createReporter } = await import('../report/create.js');
    this.working = true;
    return createReporter(this.common);
  }

  /** Aborted by the first Ctrl-C; the second ends the program at once. */
  protected get signal(): AbortSignal {
    if (!this.listening) {
      this.listening = true;
      for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, this.interrupt);
    }
    return this.controller.signal;
  }

  private readonly interrupt = (): void => {
    if (++this.interrupts > 1) process.exit(INTERRUPTED);
    if (this.working) this.logToStderr('Interrupted; ending after what is running. Once more to end at once.');
    this.controller.abort();
  };

  protected override catch(error: Error): Promise<unknown> {
    const usage = (error as { oclif?: { exit?: number } }).oclif;
    const exitCode = error instanceof CoreupError ? error.exitCode : (usage?.exit ?? 1);
    if (exitCode === 0) return Promise.reject(error);
    process.exitCode = exitCode;
    if (this.jsonEnabled()) this.logJson(errorJson(error));
    else if (exitCode !== INTERRUPTED || this.working)
      process.stderr.write(errorText(error, { color: this.common.color, verbose: this.common.verbose }));
    return Promise.resolve();
  }
}
