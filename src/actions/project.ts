import { join } from 'node:path';
import { buildCluster, type Placement } from '../cluster/build.js';
import type { Cluster, Member } from '../cluster/types.js';
import type { Finding } from '../config/errors.js';
import { loadConfig } from '../config/load.js';
import type { ResolvedConfig } from '../config/resolve.js';
import type { DiscoveryMode } from '../discovery/mode.js';
import { parseEtcdVersion, type EtcdVersion } from '../etcd/version.js';
import { memberAddress } from '../providers/local/subnet.js';
import { addressesOf } from '../providers/ssh.js';
import { StateDirectory, type DiscoveryState, type State } from '../state/state.js';
import { InputError } from '../util/errors.js';
import { discoveryMode, hasDiscoveryNode } from './discovery.js';

/** The etcd that Debian's releases bring along, and so the hosts of the local provider. */
const SUITE_ETCD = { bookworm: '3.4.23', trixie: '3.5.16' } as const;

/** A project directory as every command sees it: the checked config and what follows from it. Nothing is written. */
export interface Project {
  readonly directory: string;
  readonly config: ResolvedConfig;
  readonly cluster: Cluster;
  readonly discovery: DiscoveryMode;
  /** What is remembered of it. */
  readonly discoveryState: DiscoveryState | undefined;
  /** The etcd of a member's host, as it was last seen, or as the local provider's suite has it. */
  readonly etcdVersion: (member: Member) => EtcdVersion | undefined;
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
  const placements = placementsOf(config);
  const state = new StateDirectory(join(dir, '.coreup'));
  const cluster = buildCluster({
    name: config.cluster_name,
    prefix: config.instance_name_prefix,
    discoveryNode: hasDiscoveryNode(config),
    etcdMembers: config.etcd.members,
    placements,
    metadata: config.fleet.metadata,
  });
  const remembered = await stateOf(state);
  const versions = new Map(
    Object.entries(remembered.versions ?? {}).map(([name, text]) => [name, parseEtcdVersion(text)]),
  );
  const ofSuite = config.provider.kind === 'local' ? parseEtcdVersion(SUITE_ETCD[config.provider.suite]) : undefined;
  return {
    directory: dir,
    config,
    cluster,
    discovery: discoveryMode(config, cluster, remembered.discovery),
    discoveryState: remembered.discovery,
    etcdVersion: ({ name }) => versions.get(name) ?? ofSuite,
    state,
    warnings,
  };
}

/** What is remembered; a state that cannot be read is told of by whoever needs it, and keeps nobody from looking. */
async function stateOf(state: StateDirectory): Promise<Pick<State, 'discovery' | 'versions'>> {
  try {
    return await state.load();
  } catch {
    return {};
  }
}

function placementsOf(config: ResolvedConfig): readonly Placement[] {
  const { provider } = config;
  if (provider.kind === 'local') {
    return Array.from({ length: config.num_instances }, (_, position) => {
      const address = memberAddress(provider.subnet, position + 1);
      return { publicIpv4: address, privateIpv4: address };
    });
  }
  return provider.hosts.map((host, position) => {
    const addresses = addressesOf(host);
    if (!addresses) {
      throw new InputError(`provider.hosts[${position}] (${host.address}) is given by name and has no IPv4 address`, {
        code: 'CONFIG_ADDRESS',
        hint: 'Add `private_ipv4: …`: what $private_ipv4 stands for on this host.',
      });
    }
    return { ...addresses, ...(host.name === undefined ? {} : { name: host.name }) };
  });
}
