import type { HostFile, HostState } from '../cluster/host-state.js';
import type { Member } from '../cluster/types.js';
import type { Dial } from '../discovery/dns/lookup.js';
import type { DnsFinding, DnsExpectation } from '../discovery/dns/judge.js';
import { serviceName, type DnsMember, type Endpoint } from '../discovery/dns/records.js';
import type { ResolverFiles } from '../discovery/dns/resolver.js';
import { parseEtcdVersion, type EtcdVersion } from '../etcd/version.js';
import { etcdEnvironment } from '../plan/adapt.js';
import { messageOf } from '../util/errors.js';
import type { Connection } from '../ssh/port.js';

const RESOLV_CONF = '/etc/resolv.conf';
const HOSTS = '/etc/hosts';
/** Milliseconds for reading two small files. */
const READ_TIMEOUT = 10_000;

/** A member whose view of the records is wanted. */
export interface DnsViewer {
  readonly name: string;
  readonly desired: HostState;
  readonly connection: Connection;
}

/** What a member sees of the records. */
export interface DnsView {
  /** The name server that answered, or those that did not. */
  readonly nameserver: string;
  /** What names it: the member's user-data, or a file that the host has of its own. */
  readonly from: 'user-data' | 'host';
  readonly findings: readonly DnsFinding[];
}

/** What DNS must say of an etcd member, by what it is told to advertise. */
export function dnsMember(member: Member, desired: HostState): DnsMember {
  const environment = etcdEnvironment(desired);
  const peer = firstUrl(environment.get('ETCD_INITIAL_ADVERTISE_PEER_URLS'), 'http://localhost:2380');
  const client = firstUrl(environment.get('ETCD_ADVERTISE_CLIENT_URLS'), 'http://localhost:2379');
  const address = peer.hostname.replace(/^\[|\]$/g, '');
  return {
    name: member.name,
    address: /^[\d.]+$/.test(address) ? address : member.privateIpv4,
    peer: endpointOf(peer),
    client: endpointOf(client),
  };
}

function firstUrl(list: string | undefined, fallback: string): URL {
  const [first = ''] = (list ?? '').split(',').map((url) => url.trim());
  return new URL(URL.canParse(first) ? first : fallback);
}

function endpointOf({ protocol, port }: URL): Endpoint {
  const scheme = protocol === 'https:' ? 'https' : 'http';
  return { scheme, port: Number(port) || (scheme === 'https' ? 443 : 80) };
}

/**
 * Looks the cluster's records up on a member as its etcd will: with the name server that its user-data gives it, or else
 * with the host's own. The question goes from the host itself, over TCP; it needs no program there.
 *
 * @param wanted without `self` and with the host's etcd, where it is known already
 * @param nameserver what config.ts says
 * @throws CoreupError SSH_LOST and the like
 */
export async function viewRecords(
  { name, desired, connection }: DnsViewer,
  wanted: Omit<DnsExpectation, 'self'>,
  nameserver?: string,
): Promise<DnsView> {
  const { lookUp, NoAnswerError } = await import('../discovery/dns/lookup.js');
  const { judgeRecords } = await import('../discovery/dns/judge.js');
  const host = await readHost(connection);
  const resolvConf = textOf(desired, RESOLV_CONF);
  const from = resolvConf === undefined ? 'host' : 'user-data';
  const files: ResolverFiles = {
    resolvConf: resolvConf ?? host.resolvConf,
    hosts: textOf(desired, HOSTS) ?? host.hosts,
  };
  try {
    const seen = await lookUp(wanted.domain, files, dialFrom(connection));
    const findings = judgeRecords(seen, { ...wanted, self: name, etcd: wanted.etcd ?? host.etcd });
    return {
      nameserver: seen.nameserver,
      from,
      findings: [...contradiction(seen.nameserver, nameserver), ...findings],
    };
  } catch (error) {
    if (!(error instanceof NoAnswerError)) throw error;
    const asked = error.reasons.map((reason) => reason.split(': ')[0]).join(', ');
    return { nameserver: asked, from, findings: [noAnswer(error.reasons, from, wanted)] };
  }
}

/** What SSH says of a port that it cannot reach is about the way there; only the reason counts here. */
function dialFrom(connection: Connection): Dial {
  return async (address, port) => {
    try {
      return await connection.forward(address, port);
    } catch (error) {
      const { code, cause } = error as { code?: string; cause?: unknown };
      if (code !== 'SSH_FORWARD') throw error;
      const [, reason] = /open failure: (.+)$/.exec(messageOf(cause)) ?? [];
      throw new Error(`TCP port ${port} cannot be reached (${reason ?? messageOf(cause)})`, { cause: error });
    }
  };
}

function noAnswer(
  reasons: readonly string[],
  from: DnsView['from'],
  { domain, members: [first] }: Pick<DnsExpectation, 'domain' | 'members'>,
): DnsFinding {
  return {
    severity: 'error',
    message: `no name server answers for ${serviceName('server', first?.peer.scheme ?? 'http', domain)} (${reasons.join('; ')})`,
    hint:
      `The name servers come from ${from === 'user-data' ? 'the /etc/resolv.conf in its user-data' : "the host's own /etc/resolv.conf"}; ` +
      'discovery.nameserver in config.ts gives members another one. It must answer over TCP as well.',
  };
}

/** User-data that writes a resolv.conf of its own keeps it. */
function contradiction(asked: string, configured: string | undefined): readonly DnsFinding[] {
  if (configured === undefined || asked === configured) return [];
  return [
    {
      severity: 'warning',
      message: `the user-data writes ${RESOLV_CONF} itself, so ${asked} is asked, not ${configured} as config.ts says`,
      hint: 'Take the file out of write_files, or the nameserver out of config.ts.',
    },
  ];
}

interface HostSide extends ResolverFiles {
  readonly etcd: EtcdVersion | undefined;
}

async function readHost(connection: Connection): Promise<HostSide> {
  const text = `for f in ${RESOLV_CONF} ${HOSTS}; do cat "$f" 2>/dev/null; printf '\\036'; done; etcd --version 2>/dev/null; true`;
  const result = await connection.run({ text }, { timeout: READ_TIMEOUT });
  const [resolvConf, hosts, version = ''] = result.stdout.toString().split('\x1e');
  return { resolvConf, hosts, etcd: parseEtcdVersion(version) };
}

function textOf({ files }: HostState, path: string): string | undefined {
  const file: HostFile | undefined = files.findLast((candidate) => candidate.path === path);
  return file === undefined ? undefined : Buffer.from(file.content).toString();
}
