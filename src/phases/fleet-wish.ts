import type { Member } from '../cluster/types.js';
import type { HostState } from '../cluster/host-state.js';
import { etcdEnvironment, wantsEtcd } from '../plan/adapt.js';
import type { FleetWish } from '../plan/adapt-fleet.js';
import { expectedMember } from './etcd-host.js';

/** A member with what its user-data means. */
interface Wanted {
  readonly member: Member;
  readonly desired: HostState;
}

/**
 * The client URLs of etcd that a host's fleet is told. A member of the cluster talks to itself first and to the others
 * where that fails; a host with an etcd proxy to its proxy, which knows the members; any other host to the members.
 */
export function etcdServers(own: HostState, all: readonly Wanted[]): readonly string[] {
  const local = wantsEtcd(own) ? [localUrl(own)] : [];
  if (local.length > 0 && isProxy(own)) return local;
  const others = all
    .filter(({ member, desired }) => desired !== own && member.role === 'etcd' && wantsEtcd(desired))
    .flatMap(({ member, desired }) => expectedMember(desired, member.name).clientUrls.slice(0, 1));
  return [...local, ...others];
}

/** What fleet is to be on each host of the cluster; the node that serves discovery stays outside. */
export function fleetWishes(
  all: readonly Wanted[],
  wish: Pick<FleetWish, 'enabled' | 'programs'>,
  userOf: (member: Member) => string,
  certificates: (member: Member) => string | undefined = () => undefined,
): ReadonlyMap<string, FleetWish> {
  return new Map(
    all
      .filter(({ member }) => member.role !== 'discovery')
      .map(({ member, desired }) => [
        member.name,
        {
          ...wish,
          etcdServers: etcdServers(desired, all),
          publicIp: member.publicIpv4,
          socketUser: userOf(member),
          certificates: certificates(member),
        },
      ]),
  );
}

/** The first address that etcd listens on for clients, as this host itself sees it. */
function localUrl(state: HostState): string {
  const [first = ''] = (etcdEnvironment(state).get('ETCD_LISTEN_CLIENT_URLS') ?? '').split(',');
  if (first.trim() === '') return 'http://127.0.0.1:2379';
  return first.trim().replace(/\/\/(0\.0\.0\.0|\[::\])(?=:|$)/, '//127.0.0.1');
}

function isProxy(state: HostState): boolean {
  return ['on', 'readonly'].includes(etcdEnvironment(state).get('ETCD_PROXY') ?? 'off');
}
