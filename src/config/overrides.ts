import type { Member } from '../cluster/types.js';
import type { ResolvedConfig } from './resolve.js';
import { etcdKeys } from './sections/etcd-keys.js';
import { fleetKeys } from './sections/fleet-keys.js';

/** Settings in the spelling of cloud-config (`heartbeat-interval`) and as the text that goes into the document. */
type Settings = Readonly<Record<string, string>>;

/** What config.ts says about a member's `coreos.etcd2` and `coreos.fleet`, keys in the order of coreos-cloudinit. */
export function overridesFor(
  config: ResolvedConfig,
  member: Member,
): { readonly etcd2: Settings; readonly fleet: Settings } {
  const etcd2 = settings(config.etcd, Object.keys(etcdKeys));
  if (config.fleet.enabled === false) return { etcd2, fleet: {} };
  const metadata = Object.entries(member.metadata).map(([key, value]) => `${key}=${value}`);
  return {
    etcd2,
    fleet: {
      ...settings({ ...config.fleet, ...engine(config, member) }, Object.keys(fleetKeys)),
      ...(metadata.length === 0 ? {} : { metadata: metadata.join(',') }),
    },
  };
}

/** `workers` is coreup's own word for what cloud-config says host by host. */
function engine({ fleet }: ResolvedConfig, { role }: Member): { readonly disable_engine?: boolean | undefined } {
  if (fleet.disable_engine !== 'workers') return {};
  return { disable_engine: role === 'etcd' ? undefined : true };
}

function settings(section: Readonly<Record<string, unknown>>, keys: readonly string[]): Settings {
  return Object.fromEntries(
    keys.flatMap((key) => {
      const value = section[key] as string | number | boolean | undefined;
      return value === undefined ? [] : [[key.replaceAll('_', '-'), String(value)]];
    }),
  );
}
