import type { Cluster, Member } from '../cluster/types.js';
import { PLAIN, transportSettings, type Transport } from '../etcd/transport.js';
import { hasProxy, type EtcdVersion } from '../etcd/version.js';
import {
  BOOTSTRAP_KEYS,
  type DiscoveryMode,
  type EtcdSettings,
  type MemberSettings,
  type SharedSettings,
} from './mode.js';
import { initialCluster } from './static.js';

/** What founding or joining a cluster needs, and an etcd that is no member of it must not have. */
const MEMBERSHIP_KEYS = [
  ...BOOTSTRAP_KEYS,
  'discovery-fallback',
  'discovery-proxy',
  'initial-advertise-peer-urls',
  'initial-cluster-state',
  'initial-cluster-token',
  'listen-peer-urls',
];

/**
 * What each instance's user-data must say of etcd, by its role. Pure.
 *
 * A member gets what the discovery mode needs and loses the keys of the other modes. The node that serves discovery is an
 * etcd of its own, outside the cluster. A worker runs an etcd proxy where its etcd has one, told of the members outright,
 * so that it depends on no discovery service; otherwise it runs no etcd.
 */
export function memberSettings(
  mode: DiscoveryMode,
  cluster: Cluster,
  transport: Transport = PLAIN,
): (member: Member, etcd: EtcdVersion | undefined) => MemberSettings {
  const shared: SharedSettings = mode.shared ?? { environment: {}, files: {} };
  const peers = shared.peerScheme ?? (transport.own ? undefined : transport.peers);
  const ofMode = mode.settings(cluster, peers);
  const none = without(MEMBERSHIP_KEYS);
  const { files } = shared;
  const proxy = { ...none, 'initial-cluster': initialCluster(cluster, peers), proxy: 'on' };
  return (member, etcd) => {
    const common = { files, transport: transportSettings(transport, member.role), environment: {} };
    switch (member.role) {
      case 'discovery':
        return { ...common, etcd2: { ...none, proxy: null } };
      case 'worker':
        return hasProxy(etcd)
          ? { ...common, etcd2: proxy, environment: shared.environment }
          : { ...common, etcd2: null, transport: {} };
      case 'etcd': {
        const { etcd2, environment = {} } = ofMode(member, etcd);
        return {
          ...common,
          etcd2: { ...without(BOOTSTRAP_KEYS), ...etcd2 },
          environment: { ...shared.environment, ...environment },
        };
      }
    }
  };
}

function without(keys: readonly string[]): EtcdSettings {
  return Object.fromEntries(keys.map((key) => [key, null]));
}
