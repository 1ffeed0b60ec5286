import type { Cluster, Member } from '../cluster/types.js';

/** etcd2 settings in the spelling of cloud-config (`initial-cluster`); null takes a key out. */
export type EtcdSettings = Readonly<Record<string, string | null>>;

/** One way for members to find each other. */
export interface DiscoveryMode {
  /** Name of the mode and of its template, `templates/<name>.hbs`. */
  readonly name: 'static' | 'public' | 'custom' | 'dns';
  /** What each member's etcd2 section must say for this mode, besides its name. */
  settings(cluster: Cluster): (member: Member) => EtcdSettings;
  /**
   * Whether a setting that a user-data already has means the same as the wanted one, so that it can stay as the user
   * wrote it.
   */
  same?(key: string, present: string, wanted: string): boolean;
}
