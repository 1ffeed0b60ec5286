import type { Found } from './finding.js';
import { etcdVersionFindings } from './rules-etcd-version.js';
import { childOf, type ConfigNode, type MappingEntry } from './nodes.js';
import type { ConfigRule } from './rule.js';
import { resolve, stringOf } from './scalars.js';

const PATH = 'coreos.etcd2';
const BOOTSTRAP = ['discovery', 'discovery_srv', 'initial_cluster'] as const;
const URL_LISTS = [
  'advertise_client_urls',
  'initial_advertise_peer_urls',
  'listen_client_urls',
  'listen_peer_urls',
] as const;

const value = (section: ConfigNode | undefined, key: string): string => stringOf(childOf(section, key));
const entryOf = (section: ConfigNode | undefined, key: string): MappingEntry | undefined =>
  section?.kind === 'mapping' ? section.byKey.get(key) : undefined;
const at = (section: ConfigNode | undefined, key: string): Pick<Found, 'offset' | 'path'> => ({
  offset: childOf(section, key)?.start ?? section?.start ?? 0,
  path: `${PATH}.${key}`,
});

const discoveryUrl: ConfigRule = {
  name: 'discovery-url',
  check: ({ coreos }) =>
    ['etcd', 'etcd2'].flatMap((section): Found[] => {
      const node = childOf(childOf(coreos, section), 'discovery');
      const url = stringOf(node);
      if (node?.kind !== 'scalar' || resolve(node).type === 'null') return [];
      const where = { offset: node.start, path: `coreos.${section}.discovery` };
      if (!isRequestUri(url)) {
        return [
          {
            severity: 'warning',
            ...where,
            message: 'discovery URL is not valid',
            hint: 'Write the whole URL: "https://discovery.etcd.io/TOKEN"; get one with `coreup token new`.',
          },
        ];
      }
      if (!url.includes('<')) return [];
      return [
        {
          severity: 'info',
          ...where,
          message: 'the discovery URL still has a placeholder',
          hint: 'coreup fills it in where config.ts says "discovery: { mode: \'public\' }"; otherwise put your token here.',
        },
      ];
    }),
};

/** What Go's url.ParseRequestURI accepts: an absolute URL or an absolute path. */
function isRequestUri(url: string): boolean {
  if (url === '' || /[\u0000-\u001f\u007f]/.test(url) || /%(?![0-9A-Fa-f]{2})/.test(url)) return false;
  if (url.startsWith('/')) return true;
  const match = /^[A-Za-z][A-Za-z0-9+.-]*:(.*)$/s.exec(url);
  if (match?.[1] === undefined) return false;
  const authority = /^\/\/([^/?#]*)/.exec(match[1])?.[1] ?? '';
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  return !host.includes(' ') && (/^\[[^\]]*\](?::\d*)?$/.test(host) || /^[^:[\]]*(?::(?:\d*|\$.*))?$/.test(host));
}

const exclusive: ConfigRule = {
  name: 'etcd-bootstrap',
  check: ({ coreos }) => {
    const section = childOf(coreos, 'etcd2');
    const [first, ...others] = BOOTSTRAP.filter((key) => value(section, key) !== '');
    return others.map((key) => ({
      severity: 'error',
      ...at(section, key),
      message: `${key} and ${first ?? ''} are two ways to find the other members; etcd refuses to start with both`,
      hint: 'Keep one of discovery, discovery-srv and initial-cluster.',
    }));
  },
};

const initialCluster: ConfigRule = {
  name: 'etcd-initial-cluster',
  check: ({ coreos }) => {
    const section = childOf(coreos, 'etcd2');
    const text = value(section, 'initial_cluster');
    if (text === '') return [];
    const pairs = text.split(',').map((pair) => pair.trim());
    const bad = pairs.find((pair) => !/^[^=]+=.+$/.test(pair));
    if (bad !== undefined) {
      return [
        {
          severity: 'error',
          ...at(section, 'initial_cluster'),
          message: `initial-cluster is a list of name=peer-URL; found ${JSON.stringify(bad)}`,
          hint: 'Write "core-01=http://10.0.0.1:2380,core-02=http://10.0.0.2:2380".',
        },
      ];
    }
    const name = value(section, 'name');
    if (name === '' || pairs.some((pair) => pair.startsWith(`${name}=`)) || value(section, 'proxy') === 'on') return [];
    return [
      {
        severity: 'warning',
        ...at(section, 'initial_cluster'),
        message: `initial-cluster does not list this member (${name}), so etcd refuses to start`,
        hint: `Add "${name}=" with its peer URL; coreup does that by itself in mode "static".`,
      },
    ];
  },
};

const state: ConfigRule = {
  name: 'etcd-cluster-state',
  check: ({ coreos }) => {
    const section = childOf(coreos, 'etcd2');
    const text = value(section, 'initial_cluster_state');
    if (['', 'new', 'existing'].includes(text)) return [];
    return [
      {
        severity: 'error',
        ...at(section, 'initial_cluster_state'),
        message: `initial-cluster-state is "new" or "existing"; found ${JSON.stringify(text)}`,
        hint: 'Write "new" for a cluster that does not exist yet.',
      },
    ];
  },
};

const fallback: ConfigRule = {
  name: 'etcd-discovery-fallback',
  check: ({ coreos }) => {
    const section = childOf(coreos, 'etcd2');
    const text = value(section, 'discovery_fallback');
    if (['', 'exit', 'proxy'].includes(text)) return [];
    return [
      {
        severity: 'error',
        ...at(section, 'discovery_fallback'),
        message: `discovery-fallback is "proxy" or "exit"; found ${JSON.stringify(text)}`,
        hint: 'Write "exit", so that a member too many fails instead of becoming a proxy.',
      },
    ];
  },
};

const urls: ConfigRule = {
  name: 'etcd-urls',
  check: ({ coreos }) => {
    const section = childOf(coreos, 'etcd2');
    return URL_LISTS.flatMap((key): Found[] => {
      const text = value(section, key);
      const fault =
        text === ''
          ? undefined
          : text
              .split(',')
              .map(urlFault)
              .find((each) => each !== undefined);
      if (fault === undefined) return [];
      return [
        {
          severity: 'error',
          ...at(section, key),
          message: `${key.replaceAll('_', '-')}: ${fault}; etcd refuses it`,
          hint: 'Write URLs with scheme and port, separated by commas: "http://$private_ipv4:2379".',
        },
      ];
    });
  },
};

/** etcd's types.NewURLs: scheme http(s) or unix, host and port, and no path. */
function urlFault(text: string): string | undefined {
  const url = text.trim();
  if (/^unixs?:\/\//.test(url)) return undefined;
  const match = /^(https?):\/\/([^/]*)(\/.*)?$/.exec(url);
  if (match === null) return `${JSON.stringify(url)} is no http or https URL`;
  if (match[3] !== undefined && match[3] !== '/') return `${JSON.stringify(url)} has a path`;
  const host = match[2] ?? '';
  if (!/:(?:\d+|\$\w+)$/.test(host)) return `${JSON.stringify(url)} has no port`;
  return host.startsWith(':') ? `${JSON.stringify(url)} has no host` : undefined;
}

const timing: ConfigRule = {
  name: 'etcd-timing',
  check: ({ coreos }) => {
    const section = childOf(coreos, 'etcd2');
    const heartbeat = Number(value(section, 'heartbeat_interval') || '100');
    const election = Number(value(section, 'election_timeout') || '1000');
    if (!(election > 0) || !(heartbeat > 0) || election >= 5 * heartbeat) return [];
    const key = value(section, 'election_timeout') === '' ? 'heartbeat_interval' : 'election_timeout';
    return [
      {
        severity: 'error',
        ...at(section, key),
        message: `the election timeout (${election} ms) must be at least five times the heartbeat interval (${heartbeat} ms); etcd refuses to start`,
        hint: `Set election-timeout to ${10 * heartbeat}.`,
      },
    ];
  },
};

const passwords: ConfigRule = {
  name: 'section-password',
  check: ({ coreos }) =>
    ['fleet', 'locksmith', 'flannel'].flatMap((section): Found[] => {
      const entry = entryOf(childOf(coreos, section), 'etcd_password');
      if (entry === undefined || stringOf(entry.value) === '') return [];
      return [
        {
          severity: 'warning',
          offset: entry.keyStart,
          path: `coreos.${section}.etcd_password`,
          message: 'the password ends up in a file that every user of the host may read (0644)',
          hint: 'Use client certificates (etcd_cafile, etcd_certfile, etcd_keyfile) instead.',
        },
      ];
    }),
};

const version: ConfigRule = {
  name: 'etcd-version',
  check: ({ coreos, options }) => {
    const section = childOf(coreos, 'etcd2');
    return options.etcdVersion === undefined || section?.kind !== 'mapping'
      ? []
      : etcdVersionFindings(section, options.etcdVersion);
  },
};

export const ETCD_RULES: readonly ConfigRule[] = [
  discoveryUrl,
  exclusive,
  initialCluster,
  state,
  fallback,
  urls,
  timing,
  passwords,
  version,
];
