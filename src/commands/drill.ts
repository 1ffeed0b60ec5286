import { Flags } from '../cli/oclif.js';
import type { DrillResult } from '../actions/drill-result.js';
import { WorkCommand } from '../cli/work-command.js';

export default class Drill extends WorkCommand {
  static override summary = 'Cut the power of a host, and see what etcd and fleet make of it.';
  static override description =
    'Measures how long etcd takes to elect and fleet to move each unit, checks what fleet promises, and starts the host ' +
    'again, also after Ctrl-C. Refuses where etcd would lose its quorum. Exit code 1 if anything was not as it should be.';
  static override examples = ['<%= config.bin %> drill', '<%= config.bin %> drill --kill core-02 --json'];
  static override flags = {
    kill: Flags.string({ summary: 'The member to stop; by default the one that leads etcd.', helpValue: 'NAME' }),
  };

  async run(): Promise<DrillResult> {
    const { flags } = await this.parse(Drill);
    this.common = flags;
    const project = await this.project();
    const { drill } = await import('../actions/drill.js');
    const result = await drill(project, { kill: flags.kill, reporter: await this.reporter(), signal: this.signal });
    if (!result.ok) process.exitCode = 1;
    if (!this.jsonEnabled()) {
      const { drillText } = await import('../cli/drill-text.js');
      process.stdout.write(drillText(result));
    }
    return result;
  }
}
