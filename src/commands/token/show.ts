import type { TokenReport } from '../../actions/token.js';
import { BaseCommand } from '../../cli/base-command.js';

export default class TokenShow extends BaseCommand {
  static override summary = 'Show the discovery token, its size, and who has registered.';
  static override description =
    'Asks the discovery service and changes nothing. For the modes public, custom and ephemeral.';
  static override examples = ['<%= config.bin %> token show'];

  async run(): Promise<TokenReport> {
    const { flags } = await this.parse(TokenShow);
    this.common = flags;
    const { showToken } = await import('../../actions/token.js');
    const report = await showToken(await this.project(), this.signal);
    const { tokenText } = await import('../../cli/token-text.js');
    if (!this.jsonEnabled()) process.stdout.write(tokenText(report));
    return report;
  }
}
