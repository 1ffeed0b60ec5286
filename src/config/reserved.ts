import { formatPath, type KeyPath } from './key-path.js';

/** Keys of cloud-config that a config cannot set, and why. */
const reasons: Readonly<Record<string, string>> = {
  'etcd.name': 'every member is named after its host; see instance_name_prefix',
  'etcd.initial_cluster': 'coreup writes it from the members; see discovery and num_instances',
  'etcd.initial_cluster_state': 'coreup knows whether a member founds the cluster or joins it',
  'etcd.force_new_cluster': 'it would make a cluster of its own of every member',
  'etcd.discovery': "coreup writes it; choose discovery: { mode: 'public' } or { mode: 'custom' } instead",
  'etcd.discovery_srv': "coreup writes it; choose discovery: { mode: 'dns', domain: '…' } instead",
};

/** Why a key is refused that etcd itself knows, or undefined. Spellings with `-` count too. */
export function reserved(path: KeyPath): string | undefined {
  return reasons[formatPath(path).replaceAll('-', '_')];
}
