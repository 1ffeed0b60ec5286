import { Flags } from '../../cli/oclif.js';
import type { ZoneResult } from '../../actions/dns.js';
import { BaseCommand } from '../../cli/base-command.js';
import { domainName } from '../../cli/parse-flags.js';

export default class DnsZone extends BaseCommand {
  static override summary = 'Print the SRV and A records that the members need to find each other.';
  static override description =
    'As lines for a zone file, as options for dnsmasq, or, for the addresses alone, as a hosts file. Of the services for ' +
    'http and https only those are printed that the members speak: beside them, the others must not be there.';
  static override examples = [
    '<%= config.bin %> dns zone',
    '<%= config.bin %> dns zone --format dnsmasq > /etc/dnsmasq.d/cluster.conf',
  ];
  static override flags = {
    format: Flags.string({ summary: 'What reads them.', options: ['zone', 'dnsmasq', 'hosts'], default: 'zone' }),
    domain: Flags.string({ summary: 'Instead of that of config.ts.', helpValue: 'DOMAIN' }),
  };

  async run(): Promise<ZoneResult> {
    const { flags } = await this.parse(DnsZone);
    this.common = flags;
    const domain = flags.domain === undefined ? undefined : domainName(flags.domain);
    const { dnsZone } = await import('../../actions/dns.js');
    const result = dnsZone(await this.project(), flags.format as 'zone' | 'dnsmasq' | 'hosts', domain);
    if (!this.jsonEnabled()) process.stdout.write(result.text);
    return result;
  }
}
