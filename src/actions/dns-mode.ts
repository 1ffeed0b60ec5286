import { isIP } from 'node:net';
import type { ResolvedConfig } from '../config/resolve.js';
import type { DnsDiscovery } from '../discovery/dns.js';
import { withoutDot } from '../discovery/dns/records.js';
import { dnsRendezvous } from '../phases/dns-discovery.js';
import type { Rendezvous } from '../phases/run.js';
import { bridgeAddress } from '../providers/local/subnet.js';
import { targetOf } from '../ssh/destinations.js';
import type { SshTarget } from '../ssh/port.js';
import { clientConfigOf, destinationOf } from './destination.js';

/** @throws RangeError for another mode */
export function dnsOf(config: ResolvedConfig): DnsDiscovery {
  const { discovery } = config;
  if (discovery.mode !== 'dns') throw new RangeError(`the discovery mode is ${discovery.mode}`);
  const nameserver = managedNameserver(config);
  return {
    domain: withoutDot(discovery.domain),
    peerAutoTls: discovery.peer_auto_tls === true,
    ...(nameserver === undefined ? {} : { nameserver }),
  };
}

/** What must be done with the records before members first start. */
export function dnsRendezvousOf(config: ResolvedConfig): Rendezvous {
  const { domain, nameserver } = dnsOf(config);
  const server = nameServerTarget(config);
  return dnsRendezvous({
    domain,
    ...(nameserver === undefined ? {} : { nameserver }),
    ...(server === undefined ? {} : { server }),
  });
}

/** The name server that config.ts gives the members, by name or by who serves the records; undefined for none. */
export function managedNameserver({ discovery, provider }: ResolvedConfig): string | undefined {
  if (discovery.mode !== 'dns') return undefined;
  const { nameserver, managed } = discovery;
  if (nameserver !== undefined) return nameserver;
  if (managed === true && provider.kind === 'local') return bridgeAddress(provider.subnet);
  return typeof managed === 'object' && isIP(managed.address) !== 0 ? managed.address : undefined;
}

/** The host whose dnsmasq coreup tells the records, where config.ts names one. */
export function nameServerTarget(config: ResolvedConfig): (() => Promise<SshTarget>) | undefined {
  const { discovery } = config;
  if (discovery.mode !== 'dns' || typeof discovery.managed !== 'object') return undefined;
  const destination = destinationOf(discovery.managed);
  return async () => targetOf('the name server', destination, await clientConfigOf(config));
}
