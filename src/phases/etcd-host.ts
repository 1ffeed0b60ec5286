import { etcdEnvironment, wantsEtcd } from '../plan/adapt.js';
import type { HostState } from '../cluster/host-state.js';
import { EtcdClient } from '../etcd/client.js';
import type { ExpectedMember } from '../etcd/verify.js';
import type { Connection } from '../ssh/port.js';
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
    client: etcdClient(() => host.connection, host.desired),
    expected: expectedMember(host.desired, host.name),
  };
}

/**
 * A client that talks to this host's etcd from the host itself.
 *
 * @param timeout milliseconds for each request
 */
export function etcdClient(connection: () => Connection, desired: HostState, timeout?: number): EtcdClient {
  const { host, port } = clientAddress(desired);
  return new EtcdClient(() => connection().forward(host, port), timeout);
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

/** Where, seen from the host, its etcd answers clients: the first listen address, or this host's own for a wildcard. */
export function clientAddress(desired: HostState): { readonly host: string; readonly port: number } {
  const [first = 'http://localhost:2379'] = urls(etcdEnvironment(desired).get('ETCD_LISTEN_CLIENT_URLS') ?? '');
  const url = new URL(first === '' ? 'http://localhost:2379' : first);
  const wildcard = url.hostname === '0.0.0.0' || url.hostname === '[::]';
  return { host: wildcard ? '127.0.0.1' : url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 80) };
}

function urls(list: string): readonly string[] {
  return list
    .split(',')
    .map((url) => url.trim())
    .filter((url) => url !== '');
}
