import { hasV2Discovery } from '../etcd/version.js';
import { withoutSlash } from '../cluster/discovery-url.js';
import type { DiscoveryMode } from './mode.js';

/**
 * Public discovery: members register with a service under the token in the URL (etcd documentation, "Clustering Guide",
 * etcd discovery). A member that finds the token used up must say so instead of becoming a proxy, hence the fallback.
 *
 * @param url the discovery URL, token included
 */
export function publicDiscovery(url: string): DiscoveryMode {
  const settings = { etcd2: { discovery: url, 'discovery-fallback': 'exit' } };
  return {
    name: 'public',
    settings: () => (_member, etcd) => (hasV2Discovery(etcd) ? settings : {}),
    same: (key, present, wanted) => key === 'discovery' && withoutSlash(present) === wanted,
  };
}
