import { Args } from '../cli/oclif.js';
import { BaseCommand } from '../cli/base-command.js';
import type { InitResult } from '../actions/init.js';

export default class Init extends BaseCommand {
  static override summary = 'Write a commented config.ts, user-data and .gitignore to start from.';
  static override description = 'Never overwrites: files that are there stay as they are.';
  static override examples = ['<%= config.bin %> init', '<%= config.bin %> init my-cluster'];
  static override args = { dir: Args.string({ description: 'the project directory', default: '.' }) };

  async run(): Promise<InitResult> {
    const { args, flags } = await this.parse(Init);
    this.common = flags;
    const { init } = await import('../actions/init.js');
    const result = await init(args.dir);
    for (const file of result.written) this.log(`wrote ${file}`);
    for (const file of result.kept) this.log(`kept ${file}, which was there already`);
    this.log(`\nNext: look into config.ts, then \`coreup up\`${args.dir === '.' ? '' : ` in ${args.dir}`}.`);
    return result;
  }
}
