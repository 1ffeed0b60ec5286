import type { Explained, Explanation } from '../actions/explain.js';
import { BaseCommand } from '../cli/base-command.js';
import { Args, Flags } from '../cli/oclif.js';

const address = (variable: string) =>
  Flags.string({ summary: `What $${variable} stands for in FILE.`, helpValue: 'ADDRESS' });

export default class Explain extends BaseCommand {
  static override summary = 'Say what a cloud-config means: every file, unit and command, and where it comes from.';
  static override description =
    "With FILE: that document alone, and no config is needed. Without: each member's, with its own addresses.";
  static override examples = [
    '<%= config.bin %> explain --member core-02',
    '<%= config.bin %> explain user-data --public-ipv4 203.0.113.5 --private-ipv4 10.0.0.5',
  ];
  static override args = { file: Args.string({ description: 'a cloud-config' }) };
  static override flags = {
    'public-ipv4': address('public_ipv4'),
    'private-ipv4': address('private_ipv4'),
    'public-ipv6': address('public_ipv6'),
    'private-ipv6': address('private_ipv6'),
    member: Flags.string({ summary: 'Only this member.', helpValue: 'NAME' }),
  };

  async run(): Promise<Explanation | { members: readonly ({ name: string | null } & Explanation)[] }> {
    const { args, flags } = await this.parse(Explain);
    this.common = flags;
    const { substitutionFlags, usage } = await import('../cli/parse-flags.js');
    const vars = substitutionFlags(flags);
    const { explainFile, explainMembers } = await import('../actions/explain.js');
    if (args.file !== undefined) {
      if (flags.member !== undefined)
        throw usage('--member is for a cluster, not for a FILE', 'Leave one of them out.');
      const explained = await explainFile(args.file, vars);
      await this.print([explained]);
      return explained.explanation;
    }
    if (Object.keys(vars).length > 0) {
      throw usage(
        'the options for addresses are for a FILE; each member has its own',
        'Give a FILE, or leave them out.',
      );
    }
    const members = await explainMembers(await this.project(), flags.member === undefined ? [] : [flags.member]);
    await this.print(members);
    return { members: members.map(({ name, explanation }) => ({ name, ...explanation })) };
  }

  private async print(explained: readonly Explained[]): Promise<void> {
    if (this.jsonEnabled()) return;
    const { explainText } = await import('../cli/explain-text.js');
    for (const each of explained) process.stdout.write(explainText(each, this.common.color));
  }
}
