import { etcdMembers } from '../cluster/build.js';
import type { Cluster } from '../cluster/types.js';
import type { Scheme } from '../etcd/transport.js';
import type { DiscoveryMode, EtcdSettings } from './mode.js';

/** The port that the initial-cluster URLs of coreup name: etcd's own peer port. */
const PEER_PORT = 2380;

/** Static discovery: every member is told all names and peer URLs. */
export const staticDiscovery: DiscoveryMode = {
  name: 'static',
  settings: (cluster, peers) => {
    const settings = { etcd2: { 'initial-cluster': initialCluster(cluster, peers) } };
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
  return {
    name: 'static',
    settings: (_cluster, peers) => {
      const settings = { etcd2: settledMembership(membership, peers) };
      return () => settings;
    },
    same,
  };
}

/** The keys for a membership that exists. What its members speak may have changed since it was written down. */
export function settledMembership(membership: string, peers: Scheme | undefined): EtcdSettings {
  const initialCluster = peers === undefined ? membership : membership.replace(/=https?:/g, `=${peers}:`);
  return { 'initial-cluster': initialCluster, 'initial-cluster-state': 'existing' };
}

/**
 * @param scheme what members speak to each other
 * @returns `name=peer-url` pairs of all etcd members in order, comma separated, as etcd's `--initial-cluster` reads
 * them (etcd documentation, "Clustering Guide", static)
 */
export function initialCluster(cluster: Cluster, scheme: Scheme = 'http'): string {
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
