import type { PowerResult } from '../actions/power.js';
import { WorkCommand } from '../cli/work-command.js';

export default class Reload extends WorkCommand {
  static override summary = 'Reboot hosts.';
  static override description = 'All of them at once, or those named; hosts that are down are started.';
  static override examples = ['<%= config.bin %> reload', '<%= config.bin %> reload core-02'];
  static override strict = false;
  static override usage = 'reload [NAME…]';

  async run(): Promise<PowerResult> {
    const { argv, flags } = await this.parse(Reload);
    this.common = flags;
    const project = await this.project();
    const { selectMembers } = await import('../actions/hosts.js');
    const { reload } = await import('../actions/power.js');
    const result = await reload(project, selectMembers(project, argv as string[]), await this.reporter());
    for (const name of result.members) this.log(`${name} has been rebooted`);
    return result;
  }
}
