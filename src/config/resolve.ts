import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { instanceName } from '../cluster/build.js';
import type { CheckResult } from './check.js';
import type { Issue } from './issues.js';

type DeepReadonly<T> = T extends object ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> } : T;
type Checked = NonNullable<CheckResult['config']>;

/** A config that is right, with every default filled in and every path absolute. Metadata of hosts is in fleet.metadata. */
export type ResolvedConfig = DeepReadonly<
  Omit<Checked, 'cluster_name' | 'user_data' | 'etcd'> & {
    cluster_name: string;
    /** Absolute path of the base cloud-config or template; absent: the built-in template of the discovery mode. */
    user_data?: string;
    etcd: Omit<Checked['etcd'], 'members'> & { members: number };
  }
>;

/** Fills in what depends on the project directory, and finds files that are not there. */
export function resolveConfig(config: Checked, dir: string): { config: ResolvedConfig; issues: readonly Issue[] } {
  const { user_data: given, provider, discovery, ssh, ...rest } = config;
  const present = ['user-data', 'user-data.hbs'].filter((name) => existsSync(join(dir, name)));
  const userData = given ?? present[0];
  const absolute = (path: string): string => resolve(dir, path.replace(/^~(?=\/)/, homedir()));
  // A bare URL is one without a checksum.
  const sourcePath = <T>(source: T): T | string =>
    typeof source !== 'string' || /^https?:\/\//.test(source) ? source : absolute(source);
  return {
    config: {
      ...rest,
      cluster_name: config.cluster_name ?? safeName(basename(dir)),
      ...(userData === undefined ? {} : { user_data: absolute(userData) }),
      fleet: {
        ...config.fleet,
        source: sourcePath(config.fleet.source),
        metadata: { ...hostMetadata(config), ...config.fleet.metadata },
      },
      services: config.services.map((service) => ({ ...service, unit: absolute(service.unit) })),
      etcd: {
        ...config.etcd,
        source: NAMED_SOURCES.includes(config.etcd.source) ? config.etcd.source : sourcePath(config.etcd.source),
        members: config.etcd.members ?? config.num_instances - (servesDiscovery(config.discovery) ? 1 : 0),
      },
      discovery:
        discovery.mode === 'dns' && typeof discovery.managed === 'object'
          ? { ...discovery, managed: withAbsoluteKey(discovery.managed, absolute) }
          : discovery,
      provider:
        provider.kind === 'local'
          ? provider
          : {
              ...provider,
              hosts: provider.hosts.map(({ jump, ...host }) => ({
                ...withAbsoluteKey(host, absolute),
                ...(jump === undefined ? {} : { jump: jump.map((stop) => withAbsoluteKey(stop, absolute)) }),
              })),
            },
      ssh: typeof ssh.config_file === 'string' ? { ...ssh, config_file: absolute(ssh.config_file) } : ssh,
    },
    issues: [
      ...(given !== undefined && !existsSync(absolute(given)) ? [missingUserData(given)] : []),
      ...(given === undefined && present.length === 2 ? [ambiguousUserData] : []),
    ],
  };
}

/** Values of etcd.source that are no paths. */
const NAMED_SOURCES: readonly unknown[] = ['system', 'package'];

/** Whether the first instance is not in the cluster, but serves the discovery of the others. */
export function servesDiscovery(discovery: DeepReadonly<Checked['discovery']>): boolean {
  return discovery.mode === 'custom' && discovery.endpoint === undefined;
}

function withAbsoluteKey<T extends { identity_file?: string | undefined }>(
  host: T,
  absolute: (path: string) => string,
): T {
  return host.identity_file === undefined ? host : { ...host, identity_file: absolute(host.identity_file) };
}

/** Metadata that is written beside a host, by member name. */
function hostMetadata({ provider, instance_name_prefix: prefix }: Checked): Record<string, Record<string, string>> {
  if (provider.kind === 'local') return {};
  return Object.fromEntries(
    provider.hosts.flatMap(({ name, metadata }, position) =>
      metadata ? [[name ?? instanceName(prefix, position + 1), metadata]] : [],
    ),
  );
}

/** Makes a cluster name of a directory's name: `My Cluster` → `my-cluster`. */
export function safeName(name: string): string {
  const safe = name.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return safe.slice(0, 41).replace(/^-+/, '').slice(0, 40).replace(/-+$/, '') || 'cluster';
}

function missingUserData(path: string): Issue {
  const message = `user_data is ${JSON.stringify(path)}, but there is no such file in the directory of the config`;
  return { path: ['user_data'], message, severity: 'error', at: 'value' };
}

const ambiguousUserData: Issue = {
  path: [],
  message: 'there are both user-data and user-data.hbs; user-data is used. Say which with user_data',
  severity: 'warning',
  at: 'value',
};
