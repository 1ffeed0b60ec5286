import { BaseCommand } from '../cli/base-command.js';

export default class SshConfig extends BaseCommand {
  static override summary = 'Print an ssh configuration for the members, for ssh -F, scp and rsync.';
  static override examples = [
    '<%= config.bin %> ssh-config > ssh.conf && ssh -F ssh.conf core-01',
    "rsync -e 'ssh -F ssh.conf' -a ./site/ core-02:site/",
  ];
  static override strict = false;
  static override usage = 'ssh-config [NAME…]';

  async run(): Promise<{ config: string }> {
    const { argv, flags } = await this.parse(SshConfig);
    this.common = flags;
    const project = await this.project();
    const { selectMembers } = await import('../actions/hosts.js');
    const { sshConfig } = await import('../actions/ssh-config.js');
    const config = await sshConfig(project, selectMembers(project, argv as string[]));
    if (!this.jsonEnabled()) process.stdout.write(config);
    return { config };
  }
}
