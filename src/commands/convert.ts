import { Flags } from '../cli/oclif.js';
import { UpCommand } from '../cli/up-command.js';
import type { UpResult } from '../actions/up.js';

export default class Convert extends UpCommand {
  static override summary = 'Turn a discovered cluster into one with static membership, without a restart.';
  static override description =
    'Reads the live membership from etcd and writes it into the rendered files and into the drop-ins on the hosts, where ' +
    'the discovery settings were. From then on nothing depends on a discovery service, whatever config.ts says.';
  static override examples = ['<%= config.bin %> convert --to static'];
  static override flags = {
    to: Flags.string({ summary: 'What to convert to.', options: ['static'], required: true }),
    yes: Flags.boolean({ char: 'y', summary: 'Ask nothing.' }),
  };

  async run(): Promise<Omit<UpResult, 'failures'>> {
    const { flags } = await this.parse(Convert);
    this.common = flags;
    const project = await this.project();
    const { convertToStatic } = await import('../actions/convert.js');
    const result = await convertToStatic(project, {
      reporter: await this.reporter(),
      signal: this.signal,
      yes: flags.yes,
      trustFirstUse: false,
    });
    return this.conclude(project, result);
  }
}
