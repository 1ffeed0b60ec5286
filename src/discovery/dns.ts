import type { DiscoveryMode, EtcdSettings, SharedSettings } from './mode.js';
import { sameName } from './dns/records.js';
import { settledMembership } from './static.js';

/** Discovery by SRV records, as config.ts has it. */
export interface DnsDiscovery {
  readonly domain: string;
  /** The name server that every instance is to ask; without it, what its user-data or the host itself says. */
  readonly nameserver?: string;
  /** Whether peers speak TLS with certificates that each etcd makes itself. */
  readonly peerAutoTls: boolean;
}

const PEER_PORT = 2380;

/**
 * DNS discovery: every member looks the others up, and finds itself among them by comparing addresses (etcd
 * documentation, "Clustering Guide", DNS discovery).
 *
 * The addresses that a member advertises stay as they are, as long as no TLS is asked for; etcd lists members under the
 * names of their SRV records all the same.
 */
export function dnsDiscovery(discovery: DnsDiscovery): DiscoveryMode {
  const etcd2 = { 'discovery-srv': discovery.domain, ...peerUrls(discovery) };
  return {
    name: 'dns',
    shared: sharedSettings(discovery),
    settings: () => () => ({ etcd2 }),
    same: (key, present, wanted) =>
      key === 'discovery-srv' ? sameName(present, wanted) : isPeerUrlKey(key) && speaksTls(present),
  };
}

/**
 * The same once the membership is fixed: etcd needs no SRV records any more, but the names in its member list, and the
 * TLS between peers, stay.
 *
 * @param membership `name=peer-url` pairs
 */
export function settledDns(discovery: DnsDiscovery, membership: string): DiscoveryMode {
  const mode = dnsDiscovery(discovery);
  return {
    ...mode,
    settings: (_cluster, peers) => () => ({
      etcd2: { ...settledMembership(membership, peers), ...peerUrls(discovery) },
    }),
  };
}

/** Peer URLs have to say https; cloud-config has no key for the rest, so it goes into etcd's environment. */
function peerUrls({ peerAutoTls }: DnsDiscovery): EtcdSettings {
  const url = `https://$private_ipv4:${PEER_PORT}`;
  return peerAutoTls ? { 'initial-advertise-peer-urls': url, 'listen-peer-urls': url } : {};
}

function sharedSettings({ nameserver, peerAutoTls }: DnsDiscovery): SharedSettings {
  return {
    ...(peerAutoTls ? { peerScheme: 'https' } : {}),
    environment: peerAutoTls ? { ETCD_PEER_AUTO_TLS: 'true' } : {},
    files: nameserver === undefined ? {} : { '/etc/resolv.conf': [`nameserver ${nameserver}`] },
  };
}

function isPeerUrlKey(key: string): boolean {
  return key === 'initial-advertise-peer-urls' || key === 'listen-peer-urls';
}

function speaksTls(urls: string): boolean {
  return urls.split(',').every((url) => url.trim().startsWith('https://'));
}
