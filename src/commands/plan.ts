import { Flags } from '../cli/oclif.js';
import type { PlanResult } from '../actions/plan.js';
import { UpCommand } from '../cli/up-command.js';

/** As `diff` and others do it, but told apart from failure. */
const CHANGES = 3;

export default class Plan extends UpCommand {
  static override summary = 'Show what `up` would do, and change nothing.';
  static override description =
    'Looks at the hosts that run, and shows every step that `up` would make with its reason, what changes in files (secrets ' +
    'are hidden), what restarts in which order, what that means for the quorum, and where fleet is expected to put the ' +
    'services. Takes no lock. Exit code 1 where `up` would refuse.';
  static override examples = ['<%= config.bin %> plan', '<%= config.bin %> plan --exit-code --json'];
  static override flags = {
    'exit-code': Flags.boolean({
      summary: `End with ${CHANGES} where \`up\` would change something, with 0 where not.`,
    }),
    adopt: Flags.boolean({
      summary:
        'Plan to take over what is not coreup’s on the hosts: data, an etcd, unit files, drop-ins; it is kept there.',
    }),
    'trust-first-use': Flags.boolean({
      summary: 'Trust what a URL without a checksum gives (fleet.source), for this plan.',
    }),
  };

  protected override changing = false;

  async run(): Promise<PlanResult> {
    const { flags } = await this.parse(Plan);
    this.common = flags;
    const project = await this.project();
    const { planUp } = await import('../actions/plan.js');
    const result = await planUp(project, {
      reporter: await this.reporter(),
      signal: this.signal,
      adopt: flags.adopt,
      trustFirstUse: flags['trust-first-use'],
    });
    await this.showPlan(result);
    if (result.ok && flags['exit-code'] && result.changes > 0) process.exitCode = CHANGES;
    return result;
  }
}
