import type { PlanResult } from '../../actions/plan.js';
import type { UpResult } from '../../actions/up.js';
import { Args, Flags } from '../../cli/oclif.js';
import { UpCommand } from '../../cli/up-command.js';

export default class CertsRenew extends UpCommand {
  static override summary = 'Issue certificates anew, and bring them to the hosts one member after the other.';
  static override description =
    'With names, only those of these members; without, all of them and coreup’s own. Keys are new, too. Everything else that ' +
    '`up` would do is done as well. Interrupted, it goes on when it is run again.';
  static override examples = [
    '<%= config.bin %> certs renew --plan',
    '<%= config.bin %> certs renew',
    '<%= config.bin %> certs renew core-02',
  ];
  static override strict = false;
  static override args = { member: Args.string({ description: 'Names of members.' }) };
  static override flags = {
    yes: Flags.boolean({ char: 'y', summary: 'Ask nothing before hosts change.' }),
    plan: Flags.boolean({ summary: 'Show what would be done, and change nothing.', exclusive: ['yes'] }),
  };

  async run(): Promise<Omit<UpResult, 'failures'> | PlanResult> {
    const { flags, argv } = await this.parse(CertsRenew);
    this.common = flags;
    this.changing = !flags.plan;
    const project = await this.project();
    const { planRenewal, renewCerts } = await import('../../actions/certs-change.js');
    const options = { reporter: await this.reporter(), signal: this.signal, trustFirstUse: false };
    if (flags.plan) {
      const plan = await planRenewal(project, argv as string[], { ...options, adopt: false });
      await this.showPlan(plan);
      return plan;
    }
    return this.conclude(project, await renewCerts(project, argv as string[], { ...options, yes: flags.yes }));
  }
}
