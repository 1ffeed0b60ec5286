import type { Cluster, Member } from '../cluster/types.js';
import type { Scheme } from '../etcd/transport.js';
import type { EtcdVersion } from '../etcd/version.js';

/** etcd2 settings in the spelling of cloud-config (`initial-cluster`); null takes a key out. */
export type EtcdSettings = Readonly<Record<string, string | null>>;

/** What one member's user-data must say. */
export interface MemberSettings {
  /** Keys of `coreos.etcd2`; null takes one out. A member whose section is null runs no etcd at all. */
  readonly etcd2: EtcdSettings | null;
  /** Keys of `coreos.etcd2` for the transport: URLs where the user-data has none, and certificates. */
  readonly transport: Readonly<Record<string, string>>;
  /** Variables of etcd's environment that cloud-config has no key for; they become a drop-in. */
  readonly environment: Readonly<Record<string, string>>;
  /** Files, by path, with the lines of their content; what user-data writes itself stays. */
  readonly files: Readonly<Record<string, readonly string[]>>;
}

/** What instances of every role need to reach the members. */
export interface SharedSettings extends Pick<MemberSettings, 'environment' | 'files'> {
  /** What the members' peers speak, whatever the transport of the cluster is. */
  readonly peerScheme?: 'https';
}

export type ModeName = 'static' | 'public' | 'custom' | 'dns' | 'ephemeral';

/** One way for members to find each other. */
export interface DiscoveryMode {
  /** Name of the mode and of its template, `templates/<name>.hbs`. */
  readonly name: ModeName;
  /** What goes for workers, too. */
  readonly shared?: SharedSettings;
  /**
   * What the etcd2 section of an etcd member must say for this mode, besides its name. Pure.
   *
   * @param peers what members speak to each other
   */
  settings(
    cluster: Cluster,
    peers?: Scheme,
  ): (member: Member, etcd: EtcdVersion | undefined) => Partial<MemberSettings>;
  /**
   * Whether a setting that a user-data already has means the same as the wanted one, so that it can stay as the user
   * wrote it.
   */
  same?(key: string, present: string, wanted: string): boolean;
}

/** The keys with which one mode or the other tells etcd where its members are; no two of them go together. */
export const BOOTSTRAP_KEYS = ['discovery', 'discovery-srv', 'initial-cluster'] as const;
