import { formatPath, type KeyPath } from './key-path.js';
import type { Sections } from './rules.js';

interface Pending {
  readonly path: KeyPath;
  /** What the config asks for, or undefined if it does not. */
  readonly asked: (config: Sections) => string | undefined;
}

/**
 * What the schema knows and this version cannot do yet: refused, never silently ignored. Whoever builds one of these
 * deletes its lines.
 */
const pending: readonly Pending[] = [
  {
    path: ['discovery', 'mode'],
    asked: ({ discovery }) =>
      discovery && discovery.mode !== 'static' ? `discovery mode '${discovery.mode}'` : undefined,
  },
  {
    path: ['etcd', 'members'],
    asked: ({ etcd, num_instances: instances }) =>
      etcd?.members !== undefined && instances !== undefined && etcd.members < instances
        ? 'instances that are no etcd members'
        : undefined,
  },
  { path: ['etcd', 'tls'], asked: ({ etcd }) => (etcd?.tls ? 'TLS' : undefined) },
  {
    path: ['etcd', 'source'],
    asked: ({ etcd }) => (etcd && etcd.source !== 'system' ? "an etcd source other than 'system'" : undefined),
  },
  {
    path: ['fleet', 'source'],
    asked: ({ fleet }) => (fleet?.source === undefined ? undefined : 'a fleet source'),
  },
  {
    path: ['services'],
    asked: ({ services }) => (services && services.length > 0 ? 'running services' : undefined),
  },
];

/** Refuses what is not built yet. */
export function notYet(config: Sections): readonly { path: KeyPath; message: string }[] {
  return pending.flatMap(({ path, asked }) => {
    const what = asked(config);
    return what === undefined
      ? []
      : [{ path, message: `${formatPath(path)}: ${what}: not built yet in this version of coreup` }];
  });
}
