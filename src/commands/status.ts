import { Flags } from '../cli/oclif.js';
import { setTimeout as delay } from 'node:timers/promises';
import type { Project } from '../actions/project.js';
import type { StatusReport } from '../actions/status.js';
import { BaseCommand } from '../cli/base-command.js';

export default class Status extends BaseCommand {
  static override summary = 'Show the etcd members, the leader, health and versions.';
  static override description = 'Exit code 1 if the cluster is not healthy.';
  static override examples = ['<%= config.bin %> status', '<%= config.bin %> status --watch'];
  static override flags = {
    watch: Flags.boolean({ char: 'w', summary: 'Show it again every two seconds, until Ctrl-C.' }),
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

  private async watch(project: Project): Promise<StatusReport> {
    const { clusterStatus } = await import('../actions/status.js');
    const { signal } = this;
    for (;;) {
      const report = await clusterStatus(project);
      const text = await this.text(report);
      process.stdout.write(process.stdout.isTTY ? `\x1b[H\x1b[2J${text}` : text);
      await delay(2000, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return report;
    }
  }

  private async text(report: StatusReport): Promise<string> {
    const { statusText } = await import('../cli/status-text.js');
    return statusText(report, this.common.color);
  }
}
