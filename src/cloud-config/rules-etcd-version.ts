import type { Found, Severity } from './finding.js';
import type { MappingNode } from './nodes.js';
import { boolOf, stringOf } from './scalars.js';

interface Gone {
  readonly key: RegExp;
  /** The first version without it. */
  readonly since: readonly [major: number, minor: number];
  /** Without a setting that forms the cluster, each host starts a cluster of its own: that is an error. */
  readonly severity: Severity;
  readonly instead: string;
}

/** Settings that a version ignores: unknown ETCD_ variables only warn in etcd's log (etcd's CHANGELOGs, `etcd --help`). */
const GONE: readonly Gone[] = [
  {
    key: /^discovery$/,
    since: [3, 7],
    severity: 'error',
    instead: 'Use mode "static" or "dns", which need no discovery service.',
  },
  { key: /^discovery_(?:fallback|proxy)$/, since: [3, 7], severity: 'warning', instead: 'Delete it.' },
  {
    key: /^proxy$/,
    since: [3, 6],
    severity: 'error',
    instead: 'Let workers use the members directly; `etcd grpc-proxy` is what is left.',
  },
  { key: /^proxy_/, since: [3, 6], severity: 'warning', instead: 'Delete it.' },
  {
    key: /^(?:peer_)?ca_file$/,
    since: [3, 0],
    severity: 'warning',
    instead: 'Use trusted-ca-file with client-cert-auth (peer-trusted-ca-file with peer-client-cert-auth).',
  },
  {
    key: /^(?:debug|log_package_levels)$/,
    since: [3, 5],
    severity: 'warning',
    instead: 'Delete it; the log level is ETCD_LOG_LEVEL now.',
  },
];

/** What the given version of etcd would silently ignore, or what it no longer recommends. */
export function etcdVersionFindings(section: MappingNode, version: string): Found[] {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  const reached = ([a, b]: readonly [number, number]): boolean => major > a || (major === a && minor >= b);
  const found = section.entries.flatMap((entry): Found[] => {
    const gone = GONE.find(({ key, since }) => key.test(entry.key) && reached(since));
    if (gone === undefined || (stringOf(entry.value) === '' && !boolOf(entry.value))) return [];
    if (entry.key === 'proxy' && stringOf(entry.value) === 'off') return [];
    return [
      {
        severity: gone.severity,
        offset: entry.keyStart,
        path: `coreos.etcd2.${entry.key}`,
        message: `etcd ${version} has no ${entry.spelling}: it ignores the setting${gone.severity === 'error' ? ', so each host would start a cluster of its own' : ''}`,
        hint: gone.instead,
      },
    ];
  });
  const discovery = section.byKey.get('discovery');
  if (discovery !== undefined && stringOf(discovery.value) !== '' && reached([3, 6]) && !reached([3, 7])) {
    found.push({
      severity: 'warning',
      offset: discovery.keyStart,
      path: 'coreos.etcd2.discovery',
      message: `etcd ${version} deprecates v2 discovery, and etcd 3.7 ignores it`,
      hint: 'Use mode "static" or "dns".',
    });
  }
  return found;
}
