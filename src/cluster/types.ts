/**
 * What an instance is in the cluster: an etcd member, a worker that only runs services, or the node that serves custom
 * discovery and stays outside the cluster it helps to form.
 */
export type Role = 'etcd' | 'worker' | 'discovery';

/** One instance of the cluster, as config.ts and the provider describe it. */
export interface Member {
  /** Position from 1, the N of `user-data-N`. */
  readonly index: number;
  /** Host name and etcd member name, for example `core-01`. */
  readonly name: string;
  readonly role: Role;
  /** What `$public_ipv4` stands for on this host. */
  readonly publicIpv4: string;
  /** What `$private_ipv4` stands for on this host; peers talk to it. */
  readonly privateIpv4: string;
  readonly publicIpv6?: string;
  readonly privateIpv6?: string;
  /** fleet machine metadata of this member alone. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Who there is: the members in order. */
export interface Cluster {
  readonly name: string;
  readonly members: readonly Member[];
}
