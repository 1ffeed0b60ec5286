import { BaseCommand } from '../cli/base-command.js';
import { Args, Flags } from '../cli/oclif.js';
import { ipAddress } from '../cli/parse-flags.js';
import { InputError } from '../util/errors.js';
import type { Explained, Explanation } from '../actions/explain.js';

const address = (name: string) =>
  Flags.string({
    summary: `What $${name.replace('-', '_')} stands for in FILE.`,
    helpValue: 'A',
    exclusive: ['member'],
    parse: (text) => ipAddress(name, text),
  });

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
    'public-ipv4': address('public-ipv4'),
    'private-ipv4': address('private-ipv4'),
    'public-ipv6': address('public-ipv6'),
    'private-ipv6': address('private-ipv6'),
    member: Flags.string({ summary: 'Only this member.', helpValue: 'NAME' }),
  };

  async run(): Promise<Explanation | { members: readonly ({ name: string | null } & Explanation)[] }> {
    const { args, flags } = await this.parse(Explain);
    this.common = flags;
    const { member, config, color: _color, verbose: _verbose, json: _json, ...addresses } = flags;
    const vars = Object.fromEntries(Object.entries(addresses).map(([name, value]) => [name.replace('-', '_'), value]));
    const { explainFile, explainMembers } = await import('../actions/explain.js');
    if (args.file !== undefined) {
      if (member !== undefined || config !== undefined) throw misuse('--member and --config are not for a FILE');
      const explained = await explainFile(args.file, vars);
      await this.print([explained]);
      return explained.explanation;
    }
    if (Object.keys(vars).length > 0) throw misuse('addresses are for a FILE; each member has its own');
    const members = await explainMembers(await this.project(), member === undefined ? [] : [member]);
    await this.print(members);
    return { members: members.map(({ name, explanation }) => ({ name, ...explanation })) };
  }

  private async print(explained: readonly Explained[]): Promise<void> {
    if (this.jsonEnabled()) return;
    const { explainText } = await import('../cli/explain-text.js');
    for (const each of explained) process.stdout.write(explainText(each, this.common.color));
  }
}

function misuse(message: string): InputError {
  return new InputError(message, {
    code: 'USAGE',
    hint: 'Leave FILE out, or the options: see `coreup explain --help`.',
  });
}
