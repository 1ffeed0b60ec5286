import { Args, Flags } from '../cli/oclif.js';
import { WorkCommand } from '../cli/work-command.js';

export default class Image extends WorkCommand {
  static override summary = 'Build the image of the local hosts, unless it is cached.';
  static override description =
    '`coreup up` does this by itself; here it can be done before, for instance where there is a network.';
  static override examples = ['<%= config.bin %> image', '<%= config.bin %> image trixie'];
  static override args = {
    suite: Args.string({
      description: 'the Debian release',
      options: ['bookworm', 'trixie'] as const,
      default: 'bookworm',
    }),
  };

  static override flags = {
    package: Flags.string({
      char: 'p',
      multiple: true,
      default: [],
      summary: 'A Debian package that it has besides, as `provider.packages` in config.ts.',
      helpValue: 'NAME',
    }),
  };

  protected override readonly changing = false;

  async run(): Promise<{ suite: string; path: string }> {
    const { args, flags } = await this.parse(Image);
    this.common = flags;
    const { buildImage } = await import('../actions/image.js');
    const suite = args.suite === 'trixie' ? 'trixie' : 'bookworm';
    const choice = { suite, packages: flags.package } as const;
    const path = await buildImage(choice, await this.reporter(), this.signal);
    this.log(path);
    return { suite: args.suite, path };
  }
}
