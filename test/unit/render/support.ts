import { buildCluster } from '../../../src/cluster/build.js';
import type { Cluster } from '../../../src/cluster/types.js';

export function clusterOf(
  size: number,
  metadata: Record<string, Record<string, string>> = {},
  etcdMembers = size,
): Cluster {
  return buildCluster({
    name: 'cellar',
    prefix: 'core',
    etcdMembers,
    placements: Array.from({ length: size }, (_, index) => {
      const address = `10.1.${Math.floor((index + 1) / 256)}.${(index + 1) % 256}`;
      return { publicIpv4: address, privateIpv4: address };
    }),
    metadata,
  });
}
