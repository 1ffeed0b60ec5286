import { discoveryKey } from '../etcd/discovery-keys.js';
import { hasV2Discovery } from '../etcd/version.js';
import type { DiscoveryMode } from './mode.js';

/** Where members find the token that coreup serves: on their own host, the same on all. */
export interface EphemeralDiscovery {
  readonly token: string;
  /** On 127.0.0.1 of each host. */
  readonly port: number;
}

/** The key of the token in the v2 keys API. */
export function ephemeralKey({ token }: Pick<EphemeralDiscovery, 'token'>): string {
  return discoveryKey({ path: 'discovery', token });
}

/** etcd makes the IDs of members and cluster from this text, so it must be the same for all. */
export function ephemeralUrl(discovery: EphemeralDiscovery): string {
  return `http://127.0.0.1:${discovery.port}/v2/keys${ephemeralKey(discovery)}`;
}

/** Ephemeral discovery: coreup serves the token itself, to each member on its own host, for as long as they first start. */
export function ephemeralDiscovery(discovery: EphemeralDiscovery): DiscoveryMode {
  // A proxy for other services would lead away from the host.
  const etcd2 = { discovery: ephemeralUrl(discovery), 'discovery-fallback': 'exit', 'discovery-proxy': null };
  return {
    name: 'ephemeral',
    settings: () => (_member, etcd) => (hasV2Discovery(etcd) ? { etcd2 } : {}),
  };
}
