import type { PlanResult } from '../actions/plan.js';
import type { Project } from '../actions/project.js';
import type { UpResult } from '../actions/up.js';
import { WorkCommand } from './work-command.js';

/**
 * A command that ends like `up`: with a cluster that was brought up and verified, or with the members that failed; or that
 * shows what would be done.
 */
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

  /** Shows what would be done, and sets the exit code where it would be refused. */
  protected async showPlan(result: PlanResult): Promise<void> {
    this.tellFailures(result.failures);
    if (!result.ok) process.exitCode = 1;
    if (this.jsonEnabled()) return;
    const { planText } = await import('./plan-text.js');
    process.stdout.write(planText(result, this.common.color));
  }
}
