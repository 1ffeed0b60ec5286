import type { EtcdVersion } from '../../etcd/version.js';
import type { Lookup } from './lookup.js';
import type { SrvData } from './query.js';
import { hostNameIn, sameName, serviceName, type DnsMember, type Endpoint, type Scheme } from './records.js';

/** Something about the records that a host sees. */
export interface DnsFinding {
  /** With an error, the cluster will not come up as it should. */
  readonly severity: 'error' | 'warning';
  readonly message: string;
  readonly hint?: string;
}

/** What a host should see. */
export interface DnsExpectation {
  readonly domain: string;
  /** The host's own member name. */
  readonly self: string;
  /** All etcd members. */
  readonly members: readonly DnsMember[];
  /** The version of etcd on the host, where it is known. */
  readonly etcd?: EtcdVersion | undefined;
}

/** Judges what a host has looked up: whether etcd will find from it exactly the members that there are. Pure. */
export function judgeRecords(seen: Lookup, wanted: DnsExpectation): readonly DnsFinding[] {
  const [first] = wanted.members;
  if (!first) return [];
  return [
    ...versionFindings(first.peer.scheme, wanted),
    ...serverFindings(seen, wanted, first.peer.scheme),
    ...clientFindings(seen, wanted, first.client.scheme),
  ];
}

/** Where this etcd cannot do what the records ask, whatever they say; known before anything is looked up. */
export function versionFindings(
  scheme: Scheme,
  { domain, etcd }: Pick<DnsExpectation, 'domain' | 'etcd'>,
): readonly DnsFinding[] {
  if (scheme === 'https' || !etcd || !needsSslRecords(etcd)) return [];
  return [
    error(
      `etcd ${etcd.text} finds no members by SRV records for plain http: it gives up where ${serviceName('server', 'https', domain)} is not there (etcd-io/etcd#11321)`,
      'Let peers speak TLS, with discovery: { peer_auto_tls: true } or certificates of your own, or use etcd 3.5, as Debian 13 has it.',
    ),
  ];
}

/** etcd 3.4 stops at the first of its two questions that fails, the one for `-ssl` records; 3.5 does not. */
function needsSslRecords(etcd: EtcdVersion): boolean {
  return etcd.major === 3 && etcd.minor === 4;
}

function serverFindings(seen: Lookup, wanted: DnsExpectation, scheme: Scheme): readonly DnsFinding[] {
  const { domain, members, etcd } = wanted;
  const name = serviceName('server', scheme, domain);
  const otherName = serviceName('server', scheme === 'http' ? 'https' : 'http', domain);
  const records = seen.services.get(name) ?? [];
  const others = seen.services.get(otherName) ?? [];
  if (records.length === 0) {
    const found = others.length > 0 ? `; there is ${otherName}, while the members' peer URLs are ${scheme}` : '';
    return [missing(seen, name, found, printHint)];
  }
  const ignored = scheme === 'https' && etcd !== undefined && needsSslRecords(etcd);
  const both: DnsFinding[] =
    others.length === 0
      ? []
      : [
          {
            severity: ignored ? 'warning' : 'error',
            message: `there are SRV records of ${name} and of ${otherName}: etcd 3.5 takes both, and so each member twice`,
            hint: `Keep those of ${name}: the members' peer URLs are ${scheme}.`,
          },
        ];
  return [
    ...both,
    ...recordFindings(seen, name, records, wanted),
    ...members
      .filter((member) => !leadsTo(member, 'peer', seen, records))
      .map((member) => unlisted(member, name, wanted)),
    ...preferenceFindings(name, records),
  ];
}

/** What is wrong with single records of the members' service. */
function recordFindings(
  seen: Lookup,
  name: string,
  records: readonly SrvData[],
  { members }: DnsExpectation,
): readonly DnsFinding[] {
  const taken = new Map<string, string>();
  return records.flatMap(({ target, port }): DnsFinding[] => {
    const [address, ...more] = seen.addresses.get(target) ?? [];
    const where = `${name} names ${show(target)}`;
    if (address === undefined) {
      const said = seen.refusals.get(target);
      return [error(`${where}, which has no A record${said === undefined ? '' : ` (${said})`}`, printHint)];
    }
    if (more.length > 0) {
      return [
        error(
          `${where}, which has several addresses (${[address, ...more].map(show).join(', ')}); etcd takes any one of them`,
          'Give each member a name of its own with one A record.',
        ),
      ];
    }
    const key = `${address}:${port}`;
    const twin = taken.get(key);
    taken.set(key, target);
    if (twin !== undefined) {
      return [
        error(
          sameName(twin, target)
            ? `${where} twice`
            : `${where} and ${show(twin)}, which are the same (${show(key)}): etcd takes them for two members`,
          'Remove one of the two SRV records.',
        ),
      ];
    }
    const member = members.find((candidate) => candidate.address === address);
    if (!member) {
      return [
        error(
          `${where} (${show(address)}), which is no etcd member of config.ts`,
          'Correct the A record, or remove the SRV record.',
        ),
      ];
    }
    if (member.peer.port === port) return [];
    return [
      error(
        `${where} at port ${port}, while ${member.name} advertises port ${member.peer.port} to its peers`,
        'Correct the port in the SRV record.',
      ),
    ];
  });
}

function unlisted(member: DnsMember, name: string, { self, domain }: DnsExpectation): DnsFinding {
  const who =
    member.name === self
      ? `this member (${member.address}) would not find itself`
      : `${member.name} (${member.address}) would not be found`;
  return error(
    `${who}: no SRV record of ${name} leads to ${member.address}:${member.peer.port}`,
    `The A record of ${hostNameIn(member, domain)} must say ${member.address}. ${printHint}`,
  );
}

/** Clients and proxies of their own accord; the cluster comes up without. */
function clientFindings(seen: Lookup, { domain, members }: DnsExpectation, scheme: Scheme): readonly DnsFinding[] {
  const name = serviceName('client', scheme, domain);
  const records = seen.services.get(name) ?? [];
  const message =
    records.length === 0
      ? `there is no SRV record ${name}: clients cannot look the members up (etcdctl --discovery-srv)`
      : members
          .filter((member) => !leadsTo(member, 'client', seen, records))
          .map((member) => `no SRV record of ${name} leads to ${member.name} (${member.address}:${member.client.port})`)
          .join('; ');
  return message === '' ? [] : [{ severity: 'warning', message, hint: printHint }];
}

function leadsTo(member: DnsMember, side: 'peer' | 'client', seen: Lookup, records: readonly SrvData[]): boolean {
  const { port }: Endpoint = member[side];
  return records.some(
    (record) => record.port === port && (seen.addresses.get(record.target) ?? []).includes(member.address),
  );
}

/** Administrators set them in the belief that they choose a member. */
function preferenceFindings(name: string, records: readonly SrvData[]): readonly DnsFinding[] {
  const preferences = new Set(records.map(({ priority, weight }) => `${priority} ${weight}`));
  if (preferences.size < 2) return [];
  return [
    {
      severity: 'warning',
      message: `the SRV records of ${name} have different priorities or weights, which etcd does not look at`,
    },
  ];
}

function missing(seen: Lookup, name: string, more: string, hint: string): DnsFinding {
  const said = seen.refusals.get(name);
  return error(`there is no SRV record ${name}${said === undefined ? '' : ` (${said})`}${more}`, hint);
}

function error(message: string, hint: string): DnsFinding {
  return { severity: 'error', message, hint };
}

const printHint = '`coreup dns zone` prints the records that must be there.';

/** A name or address from an answer, as it may be printed: whoever serves the zone chooses it. */
function show(text: string): string {
  return /^[\w.:-]{1,253}$/.test(text) ? text : JSON.stringify(text.slice(0, 60));
}
