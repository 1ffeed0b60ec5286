import { etcdEnvironment, wantsEtcd } from '../plan/adapt.js';
import type { HostState } from '../cluster/host-state.js';
import { EtcdClient } from '../etcd/client.js';
import type { ExpectedMember } from '../etcd/verify.js';
import type { Scheme } from '../etcd/transport.js';
import { CoreupError } from '../util/errors.js';
import type { Dial } from '../util/http.js';
import { overTls } from '../util/tls.js';
import type { EtcdHost, HostRun } from './run.js';

/** The members of the etcd cluster, with a client for each that goes over the host's SSH connection. */
export function etcdHosts(hosts: readonly HostRun[]): readonly EtcdHost[] {
  return hosts.filter(({ member, desired }) => member.role === 'etcd' && wantsEtcd(desired)).map(etcdHost);
}

/** The node that serves discovery: an etcd outside the cluster. */
export function discoveryHost(hosts: readonly HostRun[]): EtcdHost | undefined {
  return hosts.filter(({ member, desired }) => member.role === 'discovery' && wantsEtcd(desired)).map(etcdHost)[0];
}

function etcdHost(host: HostRun): EtcdHost {
  return {
    host,
    name: host.name,
    client: etcdClient(host),
    expected: expectedMember(host.desired, host.name),
  };
}

/**
 * A client that talks to this host's etcd from the host itself.
 *
 * @param timeout milliseconds for each request
 */
export function etcdClient(host: HostRun, timeout?: number): EtcdClient {
  return new EtcdClient(dialEtcd(host), timeout);
}

/** Opens streams to this host's etcd, over TLS where it speaks TLS. */
export function dialEtcd(target: HostRun): Dial {
  const { name, access } = target;
  const { scheme, host, port } = clientAddress(target.desired);
  const plain: Dial = () => target.connection.forward(host, port);
  const secure = access && overTls(plain, access.context, name);
  if (access?.either === true && secure) return () => secure().catch(plain);
  if (scheme === 'http') return plain;
  if (secure) return secure;
  return () =>
    Promise.reject(
      new CoreupError('it speaks TLS with certificates that are not from coreup, which has none for it', {
        code: 'ETCD_FOREIGN_TLS',
        hint: 'Leave cert_file and the like out of config.ts and user-data: coreup makes certificates, with `tls: true`.',
      }),
    );
}

/** What etcd's member list must say of a member, from its settings. */
export function expectedMember(desired: HostState, name: string): ExpectedMember {
  const environment = etcdEnvironment(desired);
  return {
    name: environment.get('ETCD_NAME') ?? name,
    peerUrls: urls(environment.get('ETCD_INITIAL_ADVERTISE_PEER_URLS') ?? 'http://localhost:2380'),
    clientUrls: urls(environment.get('ETCD_ADVERTISE_CLIENT_URLS') ?? 'http://localhost:2379'),
    ...(isNamed(environment, name) ? { named: true } : {}),
  };
}

/** Whether etcd knows its members by names: those of SRV records, or of a membership that was found by them. */
function isNamed(environment: ReadonlyMap<string, string>, name: string): boolean {
  if (environment.has('ETCD_DISCOVERY_SRV')) return true;
  const own = urls(environment.get('ETCD_INITIAL_CLUSTER') ?? '').find((pair) => pair.startsWith(`${name}=`));
  const url = own?.slice(name.length + 1) ?? '';
  return URL.canParse(url) && !/^(?:[\d.]+|\[.*\])$/.test(new URL(url).hostname);
}

/** Opens streams to the port for peers of this host's etcd; undefined where it wants certificates that coreup has not. */
export function dialPeers({ name, access, desired, connection }: HostRun): Dial | undefined {
  const { scheme, host, port } = listenAddress(desired, 'ETCD_LISTEN_PEER_URLS', 'http://localhost:2380');
  const plain: Dial = () => connection.forward(host, port);
  if (scheme === 'http') return plain;
  return access && overTls(plain, access.context, name);
}

/** Where, seen from the host, its etcd answers clients: the first listen address, or this host's own for a wildcard. */
export function clientAddress(desired: HostState): ListenAddress {
  return listenAddress(desired, 'ETCD_LISTEN_CLIENT_URLS', 'http://localhost:2379');
}

function listenAddress(desired: HostState, setting: string, preset: string): ListenAddress {
  const [first = preset] = urls(etcdEnvironment(desired).get(setting) ?? '');
  const url = new URL(first);
  const wildcard = url.hostname === '0.0.0.0' || url.hostname === '[::]';
  return {
    scheme: url.protocol === 'https:' ? 'https' : 'http',
    host: wildcard ? '127.0.0.1' : url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port) || (url.protocol === 'https:' ? 443 : 80),
  };
}

export interface ListenAddress {
  readonly scheme: Scheme;
  readonly host: string;
  readonly port: number;
}

function urls(list: string): readonly string[] {
  return list
    .split(',')
    .map((url) => url.trim())
    .filter((url) => url !== '');
}
