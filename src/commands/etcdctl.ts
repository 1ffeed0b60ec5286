import { BaseCommand } from '../cli/base-command.js';

export default class Etcdctl extends BaseCommand {
  static override summary = 'Run the real etcdctl on a healthy member.';
  static override description =
    'Commands that only the v2 API has (cluster-health, ls, mk, …) run with ETCDCTL_API=2, all others with 3; set ' +
    'ETCDCTL_API to choose yourself.';
  static override examples = [
    '<%= config.bin %> etcdctl -- put greeting hello',
    '<%= config.bin %> etcdctl -- cluster-health',
    'ETCDCTL_API=2 <%= config.bin %> etcdctl -- member list',
  ];
  static override strict = false;
  static override enableJsonFlag = false;
  static override usage = 'etcdctl -- ARGS…';

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(Etcdctl);
    this.common = flags;
    const project = await this.project();
    const { etcdctl } = await import('../actions/etcdctl.js');
    process.exitCode = await etcdctl(project, argv as string[], process.env['ETCDCTL_API']);
  }
}
