import { Args } from '../cli/oclif.js';
import { BaseCommand } from '../cli/base-command.js';

export default class Ssh extends BaseCommand {
  static override summary = 'Log in to a member, or run one command there.';
  static override description =
    'After -- one word is a shell command line, several are a program and its arguments. The exit code is that of the ' +
    'shell or the command.';
  static override examples = [
    '<%= config.bin %> ssh core-01',
    '<%= config.bin %> ssh core-01 -- systemctl status etcd2',
    "<%= config.bin %> ssh core-01 -- 'cd /etc && ls | wc -l'",
  ];
  static override strict = false;
  static override enableJsonFlag = false;
  static override usage = 'ssh NAME [-- CMD…]';
  static override args = { name: Args.string({ description: 'the member', required: true }) };

  async run(): Promise<void> {
    const { args, argv, flags } = await this.parse(Ssh);
    this.common = flags;
    const words = (argv as string[]).slice(1);
    const project = await this.project();
    const { selectMembers } = await import('../actions/hosts.js');
    const { attachTo, commandLine } = await import('../actions/exec.js');
    const [member] = selectMembers(project, [args.name]);
    if (!member) throw new RangeError(`no member ${args.name}`);
    process.exitCode = await attachTo(project, member, words.length === 0 ? undefined : commandLine(words), {
      stdin: process.stdin,
      stdout: process.stdout,
      stderr: process.stderr,
      terminal: process.stdin.isTTY && (words.length === 0 || process.stdout.isTTY),
    });
  }
}
