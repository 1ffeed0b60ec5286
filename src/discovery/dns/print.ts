import { absentServices, recordsFor, type DnsMember } from './records.js';

export const ZONE_FORMATS = ['zone', 'dnsmasq', 'hosts'] as const;
export type ZoneFormat = (typeof ZONE_FORMATS)[number];

/** Seconds that resolvers may keep a record. */
const TTL = 300;

/** The records of a cluster as text that a DNS server reads. */
export function printRecords(members: readonly DnsMember[], domain: string, format: ZoneFormat): string {
  return `${PRINTERS[format](members, domain).join('\n')}\n`;
}

const PRINTERS: Readonly<Record<ZoneFormat, (members: readonly DnsMember[], domain: string) => readonly string[]>> = {
  zone: zoneLines,
  dnsmasq: dnsmasqLines,
  hosts: hostsLines,
};

/** Lines for a zone file (RFC 1035, section 5); the zone itself with its SOA record is there already. */
function zoneLines(members: readonly DnsMember[], domain: string): string[] {
  const { srv, addresses } = recordsFor(members, domain);
  const rows = [
    ...srv.map(({ name, priority, weight, port, target }) => [
      `${name}.`,
      'SRV',
      `${priority} ${weight} ${port} ${target}.`,
    ]),
    ...addresses.map(({ name, address }) => [`${name}.`, 'A', address]),
  ];
  const width = Math.max(0, ...rows.map(([name = '']) => name.length));
  return [
    ...absentServices(members, domain).map((name) => `; there must be no ${name}.`),
    ...rows.map(([name = '', type, value]) => `${name.padEnd(width)} ${TTL} IN ${type?.padEnd(3)} ${value}`),
  ];
}

/** Options for dnsmasq.conf. `local` keeps the questions for these names from being sent on to other servers. */
function dnsmasqLines(members: readonly DnsMember[], domain: string): string[] {
  const { srv, addresses } = recordsFor(members, domain);
  const own = new Set([
    ...srv.map(({ name }) => name),
    ...absentServices(members, domain),
    ...addresses.map(({ name }) => name),
  ]);
  return [
    ...[...own].map((name) => `local=/${name}/`),
    ...srv.map(
      ({ name, priority, weight, port, target }) => `srv-host=${name},${target},${port},${priority},${weight}`,
    ),
    ...addresses.map(({ name, address }) => `host-record=${name},${address},${TTL}`),
  ];
}

function hostsLines(members: readonly DnsMember[], domain: string): string[] {
  const { addresses } = recordsFor(members, domain);
  const width = Math.max(0, ...addresses.map(({ address }) => address.length));
  return [
    '# a hosts file cannot hold the SRV records; see the formats zone and dnsmasq',
    ...addresses.map(({ name, address }) => `${address.padEnd(width)} ${name}`),
  ];
}
