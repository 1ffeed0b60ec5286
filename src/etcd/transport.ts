export type Scheme = 'http' | 'https';

/** What etcd speaks. */
export interface Transport {
  /** To clients, the preferred one first; two only while a cluster changes from one to the other. */
  readonly clients: readonly [Scheme, ...Scheme[]];
  /** Between members; one address cannot serve both (etcd: "bind: address already in use"). */
  readonly peers: Scheme;
  /** The certificates, or the lack of them, are the user's business: URLs stay as they are written. */
  readonly own?: true;
}

export const PLAIN: Transport = { clients: ['http'], peers: 'http' };
export const TLS: Transport = { clients: ['https'], peers: 'https' };
/** The user-data brings certificates of its own. */
export const OWN: Transport = { ...PLAIN, own: true };

/**
 * The two states between one transport and the other. First, clients are served both ways, and those that coreup sets up
 * move over. Then, member by member, peers change. After that nobody uses the old way any more.
 */
export function transitions(to: Transport): { readonly opened: Transport; readonly moved: Transport } {
  const [target] = to.clients;
  const former: Scheme = target === 'https' ? 'http' : 'https';
  const clients = [target, former] as const;
  return { opened: { clients, peers: former }, moved: { clients, peers: target } };
}

/**
 * What one member speaks of it. The node that serves custom discovery speaks to members that trust no authority yet. A proxy
 * cannot serve two schemes at one address, as a member can (etcd 3.4 and 3.5 listen once for each URL there, and end with
 * "address already in use"): it speaks as before until the last roll.
 */
export function spokenBy(role: 'etcd' | 'worker' | 'discovery', transport: Transport): Transport {
  if (transport.own) return transport;
  if (role === 'discovery') return PLAIN;
  const former = transport.clients[1];
  return role === 'worker' && former !== undefined ? { clients: [former], peers: former } : transport;
}

/** Whether etcd needs certificates for it. */
export function usesTls({ clients, peers }: Transport): boolean {
  return peers === 'https' || clients.includes('https');
}

/** Where a host keeps what TLS needs. Keys are in no other file, and in no user-data. */
export const TLS_DIRECTORY = '/etc/coreup/pki';
export const TLS_FILES = {
  ca: `${TLS_DIRECTORY}/ca.pem`,
  server: { cert: `${TLS_DIRECTORY}/server.pem`, key: `${TLS_DIRECTORY}/server.key` },
  peer: { cert: `${TLS_DIRECTORY}/peer.pem`, key: `${TLS_DIRECTORY}/peer.key` },
  client: { cert: `${TLS_DIRECTORY}/client.pem`, key: `${TLS_DIRECTORY}/client.key` },
} as const;

/** The keys of `coreos.etcd2` that name certificates: where a user-data has one of them, they are its own. */
export const CERTIFICATE_KEYS = [
  'ca-file',
  'cert-file',
  'key-file',
  'trusted-ca-file',
  'peer-ca-file',
  'peer-cert-file',
  'peer-key-file',
  'peer-trusted-ca-file',
] as const;

export const URL_KEYS = [
  'advertise-client-urls',
  'listen-client-urls',
  'initial-advertise-peer-urls',
  'listen-peer-urls',
] as const;

const SETTINGS = {
  'cert-file': TLS_FILES.server.cert,
  'key-file': TLS_FILES.server.key,
  'trusted-ca-file': TLS_FILES.ca,
  'client-cert-auth': 'true',
  'peer-cert-file': TLS_FILES.peer.cert,
  'peer-key-file': TLS_FILES.peer.key,
  'peer-trusted-ca-file': TLS_FILES.ca,
  'peer-client-cert-auth': 'true',
} as const;

const HOSTS: Readonly<Record<(typeof URL_KEYS)[number], readonly string[]>> = {
  'advertise-client-urls': ['$private_ipv4:2379'],
  // The host itself is a client, too; nobody else reaches what is not on the private network.
  'listen-client-urls': ['$private_ipv4:2379', '127.0.0.1:2379'],
  'initial-advertise-peer-urls': ['$private_ipv4:2380'],
  'listen-peer-urls': ['$private_ipv4:2380'],
};

/**
 * What the etcd2 section of a host must say for a transport: where etcd listens, unless the user-data says so itself, and
 * its certificates.
 *
 * @param role a worker's etcd is a proxy for its own host alone, and the node that serves custom discovery stays outside:
 *   etcd's v2 discovery knows no authority of one's own
 */
export function transportSettings(
  transport: Transport,
  role: 'etcd' | 'worker' | 'discovery',
): Readonly<Record<string, string>> {
  const spoken = spokenBy(role, transport);
  const urls = (key: (typeof URL_KEYS)[number], hosts = HOSTS[key]): Record<string, string> => ({
    [key]: schemesFor(key, spoken)
      .flatMap((scheme) => hosts.map((host) => `${scheme}://${host}`))
      .join(','),
  });
  const certificates = usesTls(spoken) ? SETTINGS : {};
  switch (role) {
    case 'discovery':
      return { ...urls('advertise-client-urls'), ...urls('listen-client-urls') };
    case 'worker':
      return { ...urls('listen-client-urls', ['127.0.0.1:2379']), ...certificates };
    case 'etcd':
      return { ...URL_KEYS.reduce((all, key) => ({ ...all, ...urls(key) }), {}), ...certificates };
  }
}

/** The same URLs, as a transport has them: once for each scheme. What is no http or https URL stays. */
export function speaking(key: string, list: string, transport: Transport): string {
  const hosts = list.split(',').map((url) => url.trim().replace(/^https?:/i, ''));
  const plain = hosts.every((host) => host.startsWith('//'));
  if (!plain || transport.own) return list;
  const wanted = schemesFor(key, transport).flatMap((scheme) => [...new Set(hosts)].map((host) => `${scheme}:${host}`));
  const given = list.split(',').map((url) => url.trim());
  // As its author wrote it, where it says the same.
  return wanted.join() === given.join() ? list : wanted.join();
}

function schemesFor(key: string, { clients, peers }: Transport): readonly Scheme[] {
  return key.includes('peer') ? [peers] : clients;
}
