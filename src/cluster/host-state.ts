/** Which cloud-config key (and line of the user-data) something on a host comes from. */
export interface Origin {
  /** For example `coreos.etcd2` or `write_files[0]`. */
  readonly key: string;
  /** Line in the user-data, from 1; absent for what coreup adds by itself. */
  readonly line?: number;
}

export interface HostFile {
  /** Absolute path. */
  readonly path: string;
  /** Permission bits, for example 0o644. */
  readonly mode: number;
  /** A chown spec (`user` or `user:group`), or null for root. */
  readonly owner: string | null;
  readonly content: Uint8Array;
  readonly origin: Origin;
  /** Its content, a private key or the like, must not be shown anywhere: not in a diff, a log, an error. */
  readonly secret?: true;
}

/** A directory that must exist with this owner and mode; its contents are nobody's business here. */
export interface HostDirectory {
  readonly path: string;
  readonly mode: number;
  readonly owner: string | null;
  readonly origin: Origin;
}

export interface HostUnit {
  readonly name: string;
  readonly mask: boolean;
  readonly enable: boolean;
  readonly runtime: boolean;
  readonly origin: Origin;
}

/** The verbs of `coreos.units[].command`. */
export type UnitVerb =
  'start' | 'stop' | 'restart' | 'reload' | 'try-restart' | 'reload-or-restart' | 'reload-or-try-restart';

export interface UnitCommand {
  readonly verb: UnitVerb;
  readonly unit: string;
  readonly origin: Origin;
}

/** A user as `users[]` describes it; every field but the name is optional there. */
export interface HostUser {
  readonly name: string;
  readonly passwordHash?: string;
  readonly gecos?: string;
  readonly homeDir?: string;
  readonly noCreateHome: boolean;
  readonly primaryGroup?: string;
  readonly groups: readonly string[];
  readonly noUserGroup: boolean;
  readonly system: boolean;
  readonly noLogInit: boolean;
  readonly shell?: string;
  readonly origin: Origin;
}

export interface AuthorizedKeys {
  readonly user: string;
  /** Lines as in an authorized_keys file, in order. */
  readonly keys: readonly string[];
  readonly origin: Origin;
}

/** A change to a file whose other content belongs to the host. */
export interface HostEdit {
  readonly path: string;
  /** `environment`: set NAME=value lines. `update-conf`: set the KEY=value lines of update.conf. */
  readonly format: 'environment' | 'update-conf';
  readonly set: Readonly<Record<string, string>>;
  readonly origin: Origin;
}

/** Packages of the host's distribution. */
export interface HostPackages {
  readonly names: readonly string[];
  /** A program that they bring, and the version that is expected of it. */
  readonly provides: { readonly path: string; readonly version: { readonly text: string } | undefined };
  readonly origin: Origin;
}

/** What a cloud-config means on one host. Lists are in the order in which coreos-cloudinit produces the effects. */
export interface HostState {
  readonly hostname: string | null;
  readonly users: readonly HostUser[];
  readonly authorizedKeys: readonly AuthorizedKeys[];
  readonly directories: readonly HostDirectory[];
  readonly files: readonly HostFile[];
  readonly edits: readonly HostEdit[];
  readonly units: readonly HostUnit[];
  readonly commands: readonly UnitCommand[];
  /** Absent where nothing has to be installed. */
  readonly packages?: readonly HostPackages[];
}
