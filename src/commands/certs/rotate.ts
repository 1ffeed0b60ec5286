import type { UpResult } from '../../actions/up.js';
import { Flags } from '../../cli/oclif.js';
import { UpCommand } from '../../cli/up-command.js';

export default class CertsRotate extends UpCommand {
  static override summary =
    'Replace the certificate authority, without a moment in which members do not trust each other.';
  static override description =
    'Three rolls through the cluster, one member at a time: the new authority is trusted beside the old one; it signs ' +
    'everything anew; the old one is trusted no more. Interrupted, it goes on when it is run again.';
  static override examples = ['<%= config.bin %> certs rotate'];
  static override flags = { yes: Flags.boolean({ char: 'y', summary: 'Ask nothing before hosts change.' }) };

  async run(): Promise<Omit<UpResult, 'failures'>> {
    const { flags } = await this.parse(CertsRotate);
    this.common = flags;
    const project = await this.project();
    const { rotateAuthority } = await import('../../actions/certs-change.js');
    const result = await rotateAuthority(project, {
      reporter: await this.reporter(),
      signal: this.signal,
      yes: flags.yes,
      trustFirstUse: false,
    });
    return this.conclude(project, result);
  }
}
