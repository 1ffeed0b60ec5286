import { etcdMembers } from '../cluster/build.js';
import type { Cluster } from '../cluster/types.js';
import type { DiscoveryMode } from './mode.js';

/** The port that the initial-cluster URLs of coreup name: etcd's own peer port. */
const PEER_PORT = 2380;

/** Static discovery: every member is told all names and peer URLs. */
export const staticDiscovery: DiscoveryMode = staticMembership(initialCluster);

/**
 * Static discovery with a membership of its own, such as that of a running cluster.
 *
 * @param list gives the `name=peer-url` pairs
 */
export function staticMembership(list: (cluster: Cluster) => string): DiscoveryMode {
  return {
    name: 'static',
    settings: (cluster) => {
      const settings = { etcd2: { 'initial-cluster': list(cluster) } };
      return () => settings;
    },
    same: (key, present, wanted) => key === 'initial-cluster' && normalise(present) === normalise(wanted),
  };
}

/**
 * @returns `name=peer-url` pairs of all etcd members in order, comma separated, as etcd's `--initial-cluster` reads
 * them (etcd documentation, "Clustering Guide", static)
 */
export function initialCluster(cluster: Cluster, scheme: 'http' | 'https' = 'http'): string {
  return etcdMembers(cluster)
    .map((member) => `${member.name}=${scheme}://${member.privateIpv4}:${PEER_PORT}`)
    .join(',');
}

/** The order of the pairs means nothing to etcd; white space does. */
function normalise(list: string): string {
  return list.split(',').sort().join(',');
}
