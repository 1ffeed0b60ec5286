import { BaseCommand } from '../cli/base-command.js';

export default class Fleetctl extends BaseCommand {
  static override summary = 'Run the real fleetctl on a host of the cluster.';
  static override description =
    'Any host whose fleetd answers will do. Unit files named on the command line, and the templates of instances, are ' +
    'taken along from this machine. status and journal run on the host that has the unit; ssh is a login of coreup.';
  static override examples = [
    '<%= config.bin %> fleetctl -- list-units',
    '<%= config.bin %> fleetctl -- start units/redis@1.service',
    '<%= config.bin %> fleetctl -- journal -f redis@1',
    '<%= config.bin %> fleetctl -- ssh redis@1 uptime',
  ];
  static override strict = false;
  static override enableJsonFlag = false;
  static override usage = 'fleetctl -- ARGS…';

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(Fleetctl);
    this.common = flags;
    const project = await this.project();
    const { fleetctl } = await import('../actions/fleetctl.js');
    process.exitCode = await fleetctl(project, argv as string[], process.cwd());
  }
}
