import type { Member } from '../cluster/types.js';
import type { ResolvedConfig } from '../config/resolve.js';
import type { Overrides } from './user-data.js';

/** What config.ts says about etcd and fleet for one member, as keys of its cloud-config. */
export function overridesFor(config: ResolvedConfig, member: Member): Overrides {
  const { members: _members, tls: _tls, source: _etcdSource, ...etcd } = config.etcd;
  const { enabled: _enabled, source: _fleetSource, metadata, ...fleet } = config.fleet;
  const own = Object.entries({ ...metadata[member.name], ...member.metadata });
  return {
    etcd2: cloudConfigKeys(etcd),
    fleet: {
      ...cloudConfigKeys(fleet),
      // The form of fleet's own setting: key=value pairs, comma separated (fleet documentation, "Metadata").
      ...(own.length === 0 ? {} : { metadata: own.map(([key, value]) => `${key}=${value}`).join(',') }),
    },
  };
}

function cloudConfigKeys(settings: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings).flatMap(([key, value]) =>
      value === undefined ? [] : [[key.replaceAll('_', '-'), String(value)]],
    ),
  );
}
