import { assignments } from './environment.js';
import { ETCD_UNIT } from '../etcd/service.js';
import type { Observation } from './observation.js';
import type { Step } from './step.js';
import { textOf } from '../util/bytes.js';

/**
 * What etcd reads only to found or join a cluster: it is ignored once there is a write-ahead log (etcd documentation,
 * "Clustering Guide", and `etcd --help`, clustering flags).
 */
const BOOTSTRAP = /^ETCD_(?:INITIAL_(?:CLUSTER|CLUSTER_STATE|CLUSTER_TOKEN|ADVERTISE_PEER_URLS)|DISCOVERY(?:_\w+)?)$/;
const ETCD_DROP_INS = `/etc/systemd/system/${ETCD_UNIT}.d/`;

/**
 * True for a change of etcd's settings that a member with data takes no notice of, so that it need not restart. A member
 * that still starts may have its directories and be waiting for others by these very settings.
 */
export function isBootstrapOnly({ action, target }: Step, { contents, data, units }: Observation): boolean {
  if (!target.startsWith(ETCD_DROP_INS) || data.length === 0) return false;
  if (units.get(ETCD_UNIT)?.active === 'activating') return false;
  const before = contents.get(target);
  if (before === undefined && action.kind === 'file-remove') return false;
  if (action.kind !== 'file-write' && action.kind !== 'file-remove') return false;
  const after = action.kind === 'file-write' ? action.file.content : new Uint8Array();
  return lasting(before ?? new Uint8Array()) === lasting(after);
}

/** A drop-in without what only counts at the beginning; anything else in it, comments too, stays as it is. */
function lasting(content: Uint8Array): string {
  const lines = textOf(content).split('\n');
  const kept = lines.filter((line) => {
    const value = /^Environment=(.+)$/.exec(line)?.[1];
    const pairs = value === undefined ? [] : assignments(value.trim());
    return pairs.length === 0 || !pairs.every(([name]) => BOOTSTRAP.test(name));
  });
  // A drop-in of nothing else may come or go as a whole.
  return kept.every((line) => line.trim() === '' || line.trim() === '[Service]') ? '' : kept.join('\n');
}

/** The drop-ins whose content decides whether a change means a restart. */
export function isEtcdDropIn(path: string): boolean {
  return path.startsWith(ETCD_DROP_INS);
}
