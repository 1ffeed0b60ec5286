import { join } from 'node:path';
import { buildCluster, type Placement } from '../cluster/build.js';
import type { Cluster } from '../cluster/types.js';
import type { Finding } from '../config/errors.js';
import { loadConfig } from '../config/load.js';
import type { ResolvedConfig } from '../config/resolve.js';
import type { DiscoveryMode } from '../discovery/mode.js';
import { staticDiscovery } from '../discovery/static.js';
import { memberAddress } from '../providers/local/subnet.js';
import { addressesOf } from '../providers/ssh.js';
import { StateDirectory } from '../state/state.js';
import { InputError } from '../util/errors.js';

/** A project directory as every command sees it: the checked config and what follows from it. Nothing is written. */
export interface Project {
  readonly directory: string;
  readonly config: ResolvedConfig;
  readonly cluster: Cluster;
  readonly discovery: DiscoveryMode;
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
  const cluster = buildCluster({
    name: config.cluster_name,
    prefix: config.instance_name_prefix,
    etcdMembers: config.etcd.members,
    placements,
    metadata: config.fleet.metadata,
  });
  return {
    directory: dir,
    config,
    cluster,
    discovery: staticDiscovery,
    state: new StateDirectory(join(dir, '.coreup')),
    warnings,
  };
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
