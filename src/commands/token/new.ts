import { BaseCommand } from '../../cli/base-command.js';

export default class TokenNew extends BaseCommand {
  static override summary = 'Replace the discovery token of a cluster that was never founded.';
  static override description =
    'Asks the discovery service for another token (mode public), or makes one (custom, ephemeral). Refused once a member ' +
    'has founded the cluster: from then on members never look at the token again.';
  static override examples = ['<%= config.bin %> token new'];

  async run(): Promise<{ mode: string; url: string; size: number }> {
    const { flags } = await this.parse(TokenNew);
    this.common = flags;
    const { newToken } = await import('../../actions/token.js');
    const made = await newToken(await this.project(), {
      signal: this.signal,
      onRetry: (reason) => {
        this.logToStderr(`${reason}; trying again`);
      },
    });
    this.log(`${made.url}  for ${made.size} ${made.size === 1 ? 'member' : 'members'}`);
    return made;
  }
}
