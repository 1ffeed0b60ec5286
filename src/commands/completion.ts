import { Args, Flags } from '../cli/oclif.js';
import { BaseCommand } from '../cli/base-command.js';
import { candidates, flagsApart, SCRIPTS, SHELLS } from '../cli/completion.js';
import { usage } from '../cli/parse-flags.js';
import { knownMembers } from '../state/known-members.js';

export default class Completion extends BaseCommand {
  static override summary = 'Print what makes a shell complete commands, flags and names of members.';
  static override description =
    'For bash put `eval "$(coreup completion bash)"` into ~/.bashrc; for zsh `eval "$(coreup completion zsh)"` into ~/.zshrc, ' +
    'after compinit; for fish `coreup completion fish | source` into ~/.config/fish/config.fish. Members are those that the ' +
    'last `up` has seen: no config.ts is run for a Tab.';
  static override examples = ['eval "$(<%= config.bin %> completion bash)"'];
  static override enableJsonFlag = false;
  static override strict = false;
  static override usage = 'completion bash|zsh|fish';
  static override args = { shell: Args.string({ description: 'the shell', options: SHELLS }) };
  static override flags = {
    words: Flags.boolean({
      summary: 'For the shell: what could stand at the end of the words after --.',
      hidden: true,
    }),
  };

  async run(): Promise<void> {
    const [own, typed] = split(this.argv);
    const { args, flags } = await this.parse(Completion, own);
    this.common = flags;
    if (flags.words) {
      const words = flagsApart(typed);
      const found = candidates(words, this.config.commands, () => knownMembers(process.cwd(), words));
      process.stdout.write(found.map((word) => `${word}\n`).join(''));
      return;
    }
    const shell = SHELLS.find((known) => known === args.shell);
    if (shell === undefined) throw usage('there is no shell given', `Name one of ${SHELLS.join(', ')}.`);
    process.stdout.write(SCRIPTS[shell]);
  }
}

/** What is for this command, and the command line that a shell hands on after `--`. */
function split(argv: readonly string[]): [string[], string[]] {
  const at = argv.indexOf('--');
  return at === -1 ? [[...argv], []] : [argv.slice(0, at), argv.slice(at + 1)];
}
