import { join } from 'node:path';
import { buildCluster, instanceName, type Placement } from '../cluster/build.js';
import type { Cluster, Member } from '../cluster/types.js';
import type { Finding } from '../config/errors.js';
import { loadConfig } from '../config/load.js';
import type { ResolvedConfig } from '../config/resolve.js';
import type { DiscoveryMode } from '../discovery/mode.js';
import { parseEtcdVersion, type EtcdVersion } from '../etcd/version.js';
import { memberAddress } from '../providers/local/subnet.js';
import { addressesOf, givenAs, withGiven } from '../providers/ssh.js';
import { StateDirectory, type DiscoveryState, type State } from '../state/state.js';
import type { Certificates } from './certificates.js';
import { discoveryMode, hasDiscoveryNode } from './discovery.js';
import { projectTransport, type ProjectTransport } from './transport.js';

/** The etcd that Debian's releases bring along, and so the hosts of the local provider. */
export const SUITE_ETCD = { bookworm: '3.4.23', trixie: '3.5.16' } as const;

/** A project directory as every command sees it: the checked config and what follows from it. Nothing is written. */
export interface Project {
  readonly directory: string;
  readonly config: ResolvedConfig;
  readonly cluster: Cluster;
  /** Names of members whose addresses nobody has given or found yet: nothing can be rendered with those. */
  readonly unplaced: readonly string[];
  readonly discovery: DiscoveryMode;
  /** What is remembered of it. */
  readonly discoveryState: DiscoveryState | undefined;
  /** The etcd of a member's host, as it was last seen, or as the local provider's suite has it. */
  readonly etcdVersion: (member: Member) => EtcdVersion | undefined;
  /** What etcd is to speak. */
  readonly transport: ProjectTransport;
  /** What hosts need for TLS, once it has been made. */
  readonly certificates?: Certificates;
  readonly state: StateDirectory;
  readonly warnings: readonly Finding[];
}

/**
 * @param configFile path given with `--config`; otherwise `config.ts` in the working directory
 * @throws InputError for anything wrong in the config
 */
export async function openProject(configFile?: string): Promise<Project> {
  const { config, dir, warnings } = await loadConfig({
    cwd: process.cwd(),
    ...(configFile === undefined ? {} : { file: configFile }),
  });
  const state = new StateDirectory(join(dir, '.coreup'));
  return assemble({ directory: dir, config, state, warnings }, await stateOf(state));
}

/** The same project, with what is remembered by now, and addresses that were found but may not be remembered. */
export async function withAddresses(project: Project, found: NonNullable<State['addresses']>): Promise<Project> {
  const remembered = await stateOf(project.state);
  return assemble(project, { ...remembered, addresses: { ...remembered.addresses, ...found } });
}

/** The same project, to be rendered for checking alone: addresses that are not known stand in (RFC 2544's range). */
export function withStandIns(project: Project): Project {
  return { ...project, unplaced: [] };
}

type Remembered = Pick<State, 'bootstrap' | 'discovery' | 'versions' | 'addresses'>;

function assemble(
  { directory, config, state, warnings }: Pick<Project, 'directory' | 'config' | 'state' | 'warnings'>,
  remembered: Remembered,
): Project {
  const placements = placementsOf(config, remembered.addresses ?? {});
  const cluster = buildCluster({
    name: config.cluster_name,
    prefix: config.instance_name_prefix,
    discoveryNode: hasDiscoveryNode(config),
    etcdMembers: config.etcd.members,
    placements: placements.map((placement, position) => ({ ...standIn(position + 1), ...placement })),
    metadata: config.fleet.metadata,
  });
  const versions = new Map(
    Object.entries(remembered.versions ?? {}).map(([name, text]) => [name, parseEtcdVersion(text)]),
  );
  const ofSuite = config.provider.kind === 'local' ? parseEtcdVersion(SUITE_ETCD[config.provider.suite]) : undefined;
  return {
    directory,
    config,
    cluster,
    unplaced: cluster.members.filter((_, position) => !placements[position]?.privateIpv4).map(({ name }) => name),
    discovery: discoveryMode(config, cluster, remembered.discovery),
    discoveryState: remembered.discovery,
    etcdVersion: ({ name }) => versions.get(name) ?? ofSuite,
    transport: projectTransport(config, cluster, remembered.bootstrap),
    state,
    warnings,
  };
}

/** What is remembered; a state that cannot be read is told of by whoever needs it, and keeps nobody from looking. */
async function stateOf(state: StateDirectory): Promise<Remembered> {
  try {
    return await state.load();
  } catch {
    return {};
  }
}

function placementsOf(config: ResolvedConfig, found: NonNullable<State['addresses']>): readonly Partial<Placement>[] {
  const { provider } = config;
  if (provider.kind === 'local') {
    return Array.from({ length: config.num_instances }, (_, position) => {
      const address = memberAddress(provider.subnet, position + 1);
      return { publicIpv4: address, privateIpv4: address };
    });
  }
  return provider.hosts.map((host, position) => {
    const name = host.name ?? instanceName(config.instance_name_prefix, position + 1);
    const seen = found[name];
    const known =
      seen?.at === givenAs(host) ? { privateIpv4: seen.private_ipv4, publicIpv4: seen.public_ipv4 } : undefined;
    return { name, ...(addressesOf(host) ?? (known && withGiven(known, host))) };
  });
}

/** In the place of addresses that are not known, where only what does not depend on them is asked. */
function standIn(index: number): Placement {
  const address = `198.18.${index >> 8}.${index & 255}`;
  return { publicIpv4: address, privateIpv4: address };
}
