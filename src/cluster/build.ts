import { InputError } from '../util/errors.js';
import type { Cluster, Member, Role } from './types.js';

/** Where one instance is, in the order of the instances. */
export interface Placement {
  /** Given by the user; otherwise the name is made from the prefix and the position. */
  readonly name?: string;
  readonly publicIpv4: string;
  readonly privateIpv4: string;
}

export interface ClusterSpec {
  readonly name: string;
  readonly prefix: string;
  /** Whether the first instance serves custom discovery and stays outside the cluster. */
  readonly discoveryNode?: boolean;
  /** How many of the (other) instances, from the first on, are etcd members. */
  readonly etcdMembers: number;
  readonly placements: readonly Placement[];
  /** fleet machine metadata by member name. */
  readonly metadata: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** The name of instance `index` (from 1), as coreos-vagrant names them: `core-01`, `core-02`, … */
export function instanceName(prefix: string, index: number): string {
  return `${prefix}-${String(index).padStart(2, '0')}`;
}

/**
 * Builds the model of who there is.
 *
 * @throws InputError if two members would share a name or an address
 */
export function buildCluster(spec: ClusterSpec): Cluster {
  const members = spec.placements.map((placement, position): Member => {
    const index = position + 1;
    const name = placement.name ?? instanceName(spec.prefix, index);
    return {
      index,
      name,
      role: roleOf(position, spec),
      publicIpv4: placement.publicIpv4,
      privateIpv4: placement.privateIpv4,
      metadata: spec.metadata[name] ?? {},
    };
  });
  refuseTwins(members, 'name', (member) => member.name);
  refuseTwins(members, 'private address', (member) => member.privateIpv4);
  return { name: spec.name, members };
}

function roleOf(position: number, { discoveryNode = false, etcdMembers: members }: ClusterSpec): Role {
  if (discoveryNode && position === 0) return 'discovery';
  return position < members + (discoveryNode ? 1 : 0) ? 'etcd' : 'worker';
}

/** The instance that serves custom discovery, where there is one. */
export function discoveryNode(cluster: Cluster): Member | undefined {
  return cluster.members.find((member) => member.role === 'discovery');
}

/** The etcd members of a cluster, in order. */
export function etcdMembers(cluster: Cluster): readonly Member[] {
  return cluster.members.filter((member) => member.role === 'etcd');
}

function refuseTwins(members: readonly Member[], what: string, valueOf: (member: Member) => string): void {
  const seen = new Map<string, Member>();
  for (const member of members) {
    const value = valueOf(member);
    const twin = seen.get(value);
    if (twin) {
      throw new InputError(
        `members ${twin.index} (${twin.name}) and ${member.index} (${member.name}) have the same ${what}: ${value}`,
        { code: 'CLUSTER_TWINS', hint: `Give each host in config.ts its own ${what}.` },
      );
    }
    seen.set(value, member);
  }
}
