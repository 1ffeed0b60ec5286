import { Flags } from '../../cli/oclif.js';
import type { DnsCheckResult } from '../../actions/dns.js';
import { BaseCommand } from '../../cli/base-command.js';
import { domainName } from '../../cli/parse-flags.js';

export default class DnsCheck extends BaseCommand {
  static override summary = 'Look the SRV and A records up from every member, and say what is missing or wrong.';
  static override description =
    'Asks from the member itself, with the name server that its user-data or its own /etc/resolv.conf names, over TCP. ' +
    'Exit code 1 if the members would not find each other.';
  static override examples = ['<%= config.bin %> dns check', '<%= config.bin %> dns check --json'];
  static override flags = {
    domain: Flags.string({ summary: 'Instead of that of config.ts.', helpValue: 'DOMAIN' }),
  };

  async run(): Promise<DnsCheckResult> {
    const { flags } = await this.parse(DnsCheck);
    this.common = flags;
    const domain = flags.domain === undefined ? undefined : domainName(flags.domain);
    const { dnsCheck } = await import('../../actions/dns.js');
    const result = await dnsCheck(await this.project(), domain);
    if (!result.ok) process.exitCode = 1;
    if (!this.jsonEnabled()) {
      const { dnsText } = await import('../../cli/dns-text.js');
      process.stdout.write(dnsText(result));
    }
    return result;
  }
}
