import { isIP } from 'node:net';
import { instanceName } from '../cluster/build.js';
import { CERTIFICATE_KEYS } from '../etcd/transport.js';
import { formatPath, valueAt, type KeyPath } from './key-path.js';
import { nearest } from '../util/nearest.js';
import { servesDiscovery } from './resolve.js';
import type { Sections } from './schema.js';
import type { Issue } from './issues.js';

type Breach = { path: KeyPath; message: string; severity?: 'warning' };
type Rule = (config: Sections) => readonly Breach[];

/**
 * Checks that need more than one key. They run on whatever sections are right, so that one round of corrections is
 * enough; that is why they are not refinements of the schema, which zod skips while anything else is wrong.
 *
 * @param given the config as its author wrote it, to point at what is there
 */
export function checkRules(config: Sections, given: unknown): readonly Issue[] {
  return rules
    .flatMap((rule) => rule(config))
    .map(({ path, message, severity }): Issue => ({
      path: valueAt(given, path) === undefined ? path.slice(0, -1) : path,
      message,
      severity: severity ?? 'error',
      at: 'value',
    }));
}

const hostCount: Rule = ({ provider, num_instances: instances }) => {
  if (provider?.kind !== 'ssh' || instances === undefined || provider.hosts.length === instances) return [];
  const hosts = provider.hosts.length;
  return [
    {
      path: ['num_instances'],
      message: `num_instances is ${instances}, but provider.hosts lists ${hosts}; leave num_instances out or make them agree`,
    },
  ];
};

/** How many instances can be etcd members: the one that serves discovery is none. */
function candidates({ discovery, num_instances: instances }: Sections): number | undefined {
  if (instances === undefined || discovery === undefined) return undefined;
  return instances - (servesDiscovery(discovery) ? 1 : 0);
}

const membersWithinInstances: Rule = (config) => {
  const { etcd, num_instances: instances } = config;
  const most = candidates(config);
  if (most === undefined || instances === undefined) return [];
  if (most < 1) {
    return [
      {
        path: ['num_instances'],
        message:
          'num_instances is 1, but mode "custom" takes the first instance for discovery; it must be 2 at least, ' +
          'or discovery.endpoint must name an etcd that serves it',
      },
    ];
  }
  if (etcd?.members === undefined || etcd.members <= most) return [];
  const there =
    most === instances
      ? `there ${instances === 1 ? 'is only 1 instance' : `are only ${instances} instances`}`
      : `only ${most} of the ${instances} instances can be members, since the first one serves discovery`;
  return [
    {
      path: ['etcd', 'members'],
      message: `etcd.members is ${etcd.members}, but ${there}; it must be a whole number from 1 to ${most}`,
    },
  ];
};

const oddMembers: Rule = (config) => {
  const { etcd } = config;
  const members = etcd?.members ?? (etcd && candidates(config));
  if (members === undefined || members < 1 || members % 2 === 1) return [];
  const tolerated = members / 2 - 1;
  return [
    {
      path: etcd?.members === undefined ? ['num_instances'] : ['etcd', 'members'],
      severity: 'warning',
      message: `${members} etcd members survive the loss of ${tolerated}, as ${members - 1} do, and need one vote more; an odd number is better`,
    },
  ];
};

const distinctHosts: Rule = ({ provider, instance_name_prefix: prefix }) => {
  if (provider?.kind !== 'ssh') return [];
  const { hosts } = provider;
  return [
    // One machine may stand behind two ports of one address, so that an address alone says little.
    ...twins(
      hosts.map((host) => `${host.address} port ${host.port ?? 22}`),
      'address',
      'address',
    ),
    ...twins(
      hosts.map((host) => host.private_ipv4),
      'private_ipv4',
      'private address',
    ),
    ...twins(
      hosts.map((host) => host.public_ipv4),
      'public_ipv4',
      'public address',
    ),
    ...(prefix === undefined
      ? []
      : twins(
          hosts.map((host, i) => nameOf(prefix, host, i)),
          'name',
          'name',
        )),
  ];
};

function twins(values: readonly (string | undefined)[], key: string, what: string): readonly Breach[] {
  return values.flatMap((value, position) => {
    const first = values.findIndex((other) => other?.toLowerCase() === value?.toLowerCase());
    if (value === undefined || first === position) return [];
    const path = ['provider', 'hosts', position, key];
    return [
      { path, message: `${formatPath(path)}: hosts ${first + 1} and ${position + 1} have the same ${what}, ${value}` },
    ];
  });
}

const knownMetadataMembers: Rule = (config) => {
  const names = memberNames(config);
  if (!names || !config.fleet) return [];
  return Object.keys(config.fleet.metadata)
    .filter((name) => !names.includes(name))
    .map((name) => {
      const path = ['fleet', 'metadata', name];
      const meant = nearest(name, names);
      const advice = meant ? `did you mean ${meant}?` : `the members are ${abridge(names)}`;
      return { path, message: `${formatPath(path)}: there is no member ${name}; ${advice}` };
    });
};

/** Whatever makes etcd refuse its settings: elections need five heartbeats (etcd, embed/config.go). */
const electionTimeout: Rule = ({ etcd }) => {
  const heartbeat = etcd?.heartbeat_interval ?? 100;
  const election = etcd?.election_timeout ?? 1000;
  if (election >= 5 * heartbeat) return [];
  const path = etcd?.election_timeout === undefined ? ['etcd', 'heartbeat_interval'] : ['etcd', 'election_timeout'];
  return [
    {
      path,
      message: `${formatPath(path)}: etcd refuses an election timeout (${election} ms) of less than five heartbeat intervals (${heartbeat} ms)`,
    },
  ];
};

/** Who serves the records of DNS discovery, and whether members can know where. */
const dnsServer: Rule = ({ discovery, provider }) => {
  if (discovery?.mode !== 'dns') return [];
  const { managed, nameserver } = discovery;
  const path = ['discovery', 'managed'];
  if (managed === true && provider?.kind === 'ssh') {
    return [
      {
        path,
        message: `${formatPath(path)}: on machines that exist coreup needs to know which one serves the records; write managed: { address: '…' } with a host that has dnsmasq`,
      },
    ];
  }
  if (managed === true && nameserver !== undefined) {
    return [
      {
        path: ['discovery', 'nameserver'],
        message:
          'discovery.nameserver: with managed: true the members ask the address of their bridge; leave nameserver out',
      },
    ];
  }
  if (
    typeof managed === 'object' &&
    nameserver === undefined &&
    (!isIP(managed.address) || /^127\.|^::1$/.test(managed.address))
  ) {
    return [
      {
        path: [...path, 'address'],
        message: `${formatPath([...path, 'address'])}: members cannot ask a name server at ${managed.address}; add discovery.nameserver with the IP address at which they reach it`,
      },
    ];
  }
  return [];
};

/** Two makers of certificates for one etcd. */
const oneMaker: Rule = ({ etcd, discovery }) => {
  if (etcd?.tls !== true) return [];
  const given = CERTIFICATE_KEYS.map((key) => key.replaceAll('-', '_') as keyof typeof etcd).filter(
    (key) => etcd[key] !== undefined,
  );
  const own = given.map((key) => ({
    path: ['etcd', key],
    message: `etcd.${key} names a file of yours, and with tls: true coreup makes the certificates; leave one of them out`,
  }));
  if (discovery?.mode !== 'dns' || discovery.peer_auto_tls !== true) return own;
  const path = ['discovery', 'peer_auto_tls'];
  const message =
    'discovery.peer_auto_tls lets each etcd make certificates of its own; with etcd.tls: true coreup makes them';
  return [...own, { path, message }];
};

const rules: readonly Rule[] = [
  hostCount,
  membersWithinInstances,
  oddMembers,
  distinctHosts,
  knownMetadataMembers,
  electionTimeout,
  dnsServer,
  oneMaker,
];

function memberNames({
  provider,
  num_instances: instances,
  instance_name_prefix: prefix,
}: Sections): string[] | undefined {
  if (!provider || prefix === undefined || instances === undefined) return undefined;
  if (provider.kind === 'ssh') return provider.hosts.map((host, position) => nameOf(prefix, host, position));
  return Array.from({ length: instances }, (_, position) => nameOf(prefix, {}, position));
}

function nameOf(prefix: string, host: { name?: string | undefined }, position: number): string {
  return host.name ?? instanceName(prefix, position + 1);
}

function abridge(names: readonly string[]): string {
  return names.length <= 5 ? names.join(', ') : `${names.slice(0, 3).join(', ')} … ${names.at(-1)}`;
}
