import { Flags } from '../cli/oclif.js';
import type { UpResult } from '../actions/up.js';
import { UpCommand } from '../cli/up-command.js';

export default class Up extends UpCommand {
  static override summary = 'Bring the cluster up and verify it; safe to run again.';
  static override description =
    'Renders the cloud-configs, boots or reaches the hosts, applies each over SSH, and ends when every member is healthy ' +
    'and in the member list, all agree on one leader, and what is written through one is read through another.';
  static override examples = ['<%= config.bin %> up', '<%= config.bin %> up --yes --json'];
  static override flags = {
    yes: Flags.boolean({
      char: 'y',
      summary: 'Ask nothing: install missing Debian packages on this machine, and change hosts that run a cluster.',
    }),
    adopt: Flags.boolean({
      summary: 'Take over what is not coreup’s on the hosts: data, an etcd, unit files, drop-ins; it is kept there.',
    }),
    'trust-first-use': Flags.boolean({
      summary: 'Trust what a URL without a checksum gives (fleet.source), and remember its sum from then on.',
    }),
  };

  async run(): Promise<Omit<UpResult, 'failures'>> {
    const { flags } = await this.parse(Up);
    this.common = flags;
    const project = await this.project();
    const { up } = await import('../actions/up.js');
    const result = await up(project, {
      reporter: await this.reporter(),
      signal: this.signal,
      yes: flags.yes,
      adopt: flags.adopt,
      trustFirstUse: flags['trust-first-use'],
    });
    return this.conclude(project, result);
  }
}
