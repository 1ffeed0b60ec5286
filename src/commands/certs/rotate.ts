import type { PlanResult } from '../../actions/plan.js';
import type { UpResult } from '../../actions/up.js';
import { Flags } from '../../cli/oclif.js';
import { UpCommand } from '../../cli/up-command.js';

export default class CertsRotate extends UpCommand {
  static override summary =
    'Replace the certificate authority, without a moment in which members do not trust each other.';
  static override description =
    'Three rolls through the cluster, one member at a time: the new authority is trusted beside the old one; it signs ' +
    'everything anew; the old one is trusted no more. Interrupted, it goes on when it is run again.';
  static override examples = ['<%= config.bin %> certs rotate --plan', '<%= config.bin %> certs rotate'];
  static override flags = {
    yes: Flags.boolean({ char: 'y', summary: 'Ask nothing before hosts change.' }),
    plan: Flags.boolean({ summary: 'Show what would be done, and change nothing.', exclusive: ['yes'] }),
  };

  async run(): Promise<Omit<UpResult, 'failures'> | PlanResult> {
    const { flags } = await this.parse(CertsRotate);
    this.common = flags;
    this.changing = !flags.plan;
    const project = await this.project();
    const { planRotation, rotateAuthority } = await import('../../actions/certs-change.js');
    const options = { reporter: await this.reporter(), signal: this.signal, trustFirstUse: false };
    if (flags.plan) {
      const plan = await planRotation(project, { ...options, adopt: false });
      await this.showPlan(plan);
      return plan;
    }
    return this.conclude(project, await rotateAuthority(project, { ...options, yes: flags.yes }));
  }
}
