import type { Project } from '../actions/project.js';
import type { UpResult } from '../actions/up.js';
import { WorkCommand } from './work-command.js';

/** A command that ends like `up`: with a cluster that was brought up and verified, or with the members that failed. */
export abstract class UpCommand extends WorkCommand {
  /** Tells how it ended and sets the exit code. */
  protected async conclude(
    { cluster }: Project,
    { failures, ...result }: UpResult,
  ): Promise<Omit<UpResult, 'failures'>> {
    if (!result.ok) process.exitCode = 1;
    this.tellFailures(failures);
    if (!this.jsonEnabled()) {
      const { upText } = await import('./up-text.js');
      (result.ok ? process.stdout : process.stderr).write(upText(cluster.name, { ...result, failures }));
    }
    return result;
  }
}
