import type { Member } from '../../cluster/types.js';

export type Scheme = 'http' | 'https';

/** Where a member listens, as far as SRV records tell it. */
export interface Endpoint {
  readonly scheme: Scheme;
  readonly port: number;
}

/** What DNS must say about one etcd member. */
export interface DnsMember {
  readonly name: string;
  /** The address that it advertises to its peers. */
  readonly address: string;
  readonly peer: Endpoint;
  readonly client: Endpoint;
}

export interface SrvRecord {
  /** Absolute, without the dot at its end: `_etcd-server._tcp.example.com`. */
  readonly name: string;
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  readonly target: string;
}

export interface AddressRecord {
  readonly name: string;
  readonly address: string;
}

/** All records of a cluster. */
export interface DnsRecords {
  readonly domain: string;
  readonly srv: readonly SrvRecord[];
  readonly addresses: readonly AddressRecord[];
}

/**
 * The name that etcd looks up (etcd documentation, "Clustering Guide", DNS discovery): `server` lists the members for
 * each other, `client` for clients such as `etcdctl --discovery-srv`.
 */
export function serviceName(kind: 'server' | 'client', scheme: Scheme, domain: string): string {
  return `_etcd-${kind}${scheme === 'https' ? '-ssl' : ''}._tcp.${withoutDot(domain)}`;
}

/** The name of a member's A record. */
export function hostNameIn(member: Pick<Member, 'name'>, domain: string): string {
  return `${member.name}.${withoutDot(domain)}`;
}

/**
 * The records that a cluster needs, and no others: beside the records for http, those for https would name every member
 * a second time, and etcd 3.5 takes both.
 */
export function recordsFor(members: readonly DnsMember[], domain: string): DnsRecords {
  const srv = (kind: 'server' | 'client', { scheme, port }: Endpoint, member: DnsMember): SrvRecord => ({
    name: serviceName(kind, scheme, domain),
    priority: 0,
    weight: 0,
    port,
    target: hostNameIn(member, domain),
  });
  return {
    domain: withoutDot(domain),
    srv: [
      ...members.map((member) => srv('server', member.peer, member)),
      ...members.map((member) => srv('client', member.client, member)),
    ],
    addresses: members.map((member) => ({ name: hostNameIn(member, domain), address: member.address })),
  };
}

/** The names of the services that must not be there: those of the schemes that the members do not speak. */
export function absentServices(members: readonly DnsMember[], domain: string): readonly string[] {
  return (['server', 'client'] as const).flatMap((kind) =>
    (['http', 'https'] as const)
      .filter((scheme) => !members.some((member) => member[kind === 'server' ? 'peer' : 'client'].scheme === scheme))
      .map((scheme) => serviceName(kind, scheme, domain)),
  );
}

/** DNS names are the same with and without the dot at the end. */
export function withoutDot(name: string): string {
  return name.replace(/\.$/, '');
}

/** Names compare without regard to case (RFC 1035, section 2.3.3). */
export function sameName(a: string, b: string): boolean {
  return withoutDot(a).toLowerCase() === withoutDot(b).toLowerCase();
}
