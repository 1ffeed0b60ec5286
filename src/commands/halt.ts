import type { PowerResult } from '../actions/power.js';
import { WorkCommand } from '../cli/work-command.js';

export default class Halt extends WorkCommand {
  static override summary = 'Shut hosts down.';
  static override description = 'All of them, or those named. `coreup up` starts them again.';
  static override examples = ['<%= config.bin %> halt', '<%= config.bin %> halt core-02'];
  static override strict = false;
  static override usage = 'halt [NAME…]';

  async run(): Promise<PowerResult> {
    const { argv, flags } = await this.parse(Halt);
    this.common = flags;
    const project = await this.project();
    const { selectMembers } = await import('../actions/hosts.js');
    const { halt } = await import('../actions/power.js');
    const result = await halt(project, selectMembers(project, argv as string[]), await this.reporter());
    for (const name of result.members) this.log(`${name} is down`);
    return result;
  }
}
