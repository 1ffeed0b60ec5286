import type { CertsReport } from '../../actions/certs.js';
import { BaseCommand } from '../../cli/base-command.js';

export default class Certs extends BaseCommand {
  static override summary = 'List the certificates that coreup has made, and when they end.';
  static override description =
    'By what is kept in .coreup/pki; no host is asked. `up` renews what ends within 30 days; `certs renew` renews at any time, ' +
    '`certs rotate` replaces the authority.';
  static override examples = ['<%= config.bin %> certs', '<%= config.bin %> certs --json'];

  async run(): Promise<CertsReport> {
    const { flags } = await this.parse(Certs);
    this.common = flags;
    const [{ expiring, listCerts }, { certsText }] = await Promise.all([
      import('../../actions/certs.js'),
      import('../../cli/certs-text.js'),
    ]);
    const report = await listCerts(await this.project());
    for (const text of expiring(report)) this.logToStderr(`warning: ${text}`);
    if (!this.jsonEnabled()) process.stdout.write(certsText(report));
    return report;
  }
}
