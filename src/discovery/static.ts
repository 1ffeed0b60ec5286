import { etcdMembers } from '../cluster/build.js';
import type { Cluster } from '../cluster/types.js';
import type { DiscoveryMode } from './mode.js';

/** The port that the initial-cluster URLs of coreup name: etcd's own peer port. */
const PEER_PORT = 2380;

/** Static discovery: every member is told all names and peer URLs. */
export const staticDiscovery: DiscoveryMode = {
  name: 'static',
  settings: (cluster) => {
    const settings = { etcd2: { 'initial-cluster': initialCluster(cluster) } };
    return () => settings;
  },
  same,
};

/**
 * The membership of a cluster that exists. Whoever starts without data must not found another one.
 *
 * @param membership `name=peer-url` pairs, comma separated
 */
export function staticMembership(membership: string): DiscoveryMode {
  const settings = { etcd2: { 'initial-cluster': membership, 'initial-cluster-state': 'existing' } };
  return { name: 'static', settings: () => () => settings, same };
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

function same(key: string, present: string, wanted: string): boolean {
  return key === 'initial-cluster' && normalise(present) === normalise(wanted);
}

/** The order of the pairs means nothing to etcd; white space does. */
function normalise(list: string): string {
  return list.split(',').sort().join(',');
}
