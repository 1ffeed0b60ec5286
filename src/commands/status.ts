import { Flags } from '../cli/oclif.js';
import type { Project } from '../actions/project.js';
import type { StatusReport } from '../actions/status.js';
import { BaseCommand } from '../cli/base-command.js';

export default class Status extends BaseCommand {
  static override summary = "Show the etcd members, leader, health and versions, and fleet's machines and units.";
  static override description =
    'Exit code 1 if etcd is not healthy. A unit whose machine has not reported on it lately is shown as unknown.';
  static override examples = ['<%= config.bin %> status', '<%= config.bin %> status --watch'];
  static override flags = {
    watch: Flags.boolean({
      char: 'w',
      summary: 'Look again every two seconds until Ctrl-C; in a pipe, print what has changed.',
    }),
  };

  async run(): Promise<StatusReport> {
    const { flags } = await this.parse(Status);
    this.common = flags;
    const project = await this.project();
    if (flags.watch && !this.jsonEnabled()) return this.watch(project);
    const { clusterStatus } = await import('../actions/status.js');
    const report = await clusterStatus(project);
    if (!report.healthy) process.exitCode = 1;
    if (!this.jsonEnabled()) process.stdout.write(await this.text(report));
    return report;
  }

  private async watch(project: Project): Promise<never> {
    const [{ watchStatus }, { statusText }, { createScreen }] = await Promise.all([
      import('../actions/status.js'),
      import('../cli/status-text.js'),
      import('../report/screen.js'),
    ]);
    const screen = createScreen(process.stdout);
    try {
      return await watchStatus(
        project,
        (report) => {
          screen.show(statusText(report, this.common.color));
        },
        { signal: this.signal },
      );
    } finally {
      screen.end();
    }
  }

  private async text(report: StatusReport): Promise<string> {
    const { statusText } = await import('../cli/status-text.js');
    return statusText(report, this.common.color);
  }
}
