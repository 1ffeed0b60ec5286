import { Args, Flags } from '../cli/oclif.js';
import { BaseCommand } from '../cli/base-command.js';

export default class Logs extends BaseCommand {
  static override summary = "Show a member's journal.";
  static override examples = ['<%= config.bin %> logs core-01', '<%= config.bin %> logs core-01 etcd2 -f'];
  static override enableJsonFlag = false;
  static override args = {
    name: Args.string({ description: 'the member', required: true }),
    unit: Args.string({ description: 'only this unit' }),
  };
  static override flags = {
    follow: Flags.boolean({ char: 'f', summary: 'Go on showing new lines, until Ctrl-C.' }),
    lines: Flags.integer({ char: 'n', summary: 'How many lines from the end.', default: 100, min: 0 }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Logs);
    this.common = flags;
    const project = await this.project();
    const { selectMembers } = await import('../actions/hosts.js');
    const { showLogs } = await import('../actions/logs.js');
    const [member] = selectMembers(project, [args.name]);
    if (!member) throw new RangeError(`no member ${args.name}`);
    const { signal } = this;
    process.exitCode = await showLogs(project, member, { ...flags, unit: args.unit, signal });
  }
}
