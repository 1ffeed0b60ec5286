import { discoveryNode } from '../cluster/build.js';
import type { Cluster } from '../cluster/types.js';
import { hasV2Api } from '../etcd/version.js';
import type { DiscoveryMode } from './mode.js';

/** A discovery service of one's own: any etcd that serves a token below a key. */
export interface CustomDiscovery {
  readonly token: string;
  /** Key prefix of the tokens, without slashes at its ends. */
  readonly path: string;
  /** Client URL of the etcd that serves it; the first instance, where it is absent. */
  readonly endpoint?: string;
}

/** Where the seed of all CoreOS documentation keeps tokens. */
export const DEFAULT_PATH = 'discovery';
const CLIENT_PORT = 2379;

/**
 * Custom discovery: members register with an etcd of the user's own, by default that of the first instance.
 *
 * etcd up to 3.5 registers through the v2 API of that etcd; from 3.6 on, which has no v2 API, through v3 (etcd
 * documentation, "Clustering Guide", and "v3 discovery protocol"), and reads that from variables that cloud-config has
 * no keys for.
 */
export function customDiscovery(discovery: CustomDiscovery): DiscoveryMode {
  return {
    name: 'custom',
    settings: (cluster) => {
      const v2 = { etcd2: { discovery: discoveryUrl(cluster, discovery), 'discovery-fallback': 'exit' } };
      const v3 = {
        etcd2: {},
        environment: {
          ETCD_DISCOVERY_TOKEN: discovery.token,
          ETCD_DISCOVERY_ENDPOINTS: endpointOf(cluster, discovery),
        },
      };
      return (_member, etcd) => (hasV2Api(etcd) ? v2 : v3);
    },
    same: (key, present, wanted) => key === 'discovery' && isSameToken(present, wanted),
  };
}

/** The client URL of the etcd that serves discovery, without a slash at its end. */
export function endpointOf(cluster: Cluster, { endpoint }: CustomDiscovery): string {
  if (endpoint !== undefined) return endpoint.replace(/\/+$/, '');
  const node = discoveryNode(cluster);
  if (!node) throw new RangeError('custom discovery without endpoint needs a discovery node');
  return `http://${node.privateIpv4}:${CLIENT_PORT}`;
}

/** What etcd's `discovery` says: endpoint, v2 keys API, path and token. */
export function discoveryUrl(cluster: Cluster, discovery: CustomDiscovery): string {
  return `${endpointOf(cluster, discovery)}/v2/keys/${discovery.path}/${discovery.token}`;
}

/** An etcd may listen on several ports (4001 is that of etcd 0.4); the same key of the same host is the same token. */
function isSameToken(present: string, wanted: string): boolean {
  if (!URL.canParse(present)) return false;
  const [a, b] = [new URL(present), new URL(wanted)];
  return a.hostname === b.hostname && a.pathname.replace(/\/$/, '') === b.pathname;
}
