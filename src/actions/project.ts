import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { buildCluster, type Placement } from '../cluster/build.js';
import type { HostState } from '../cluster/host-state.js';
import type { Cluster, Member } from '../cluster/types.js';
import { readUserData } from '../cloud-config/read-user-data.js';
import { substitute } from '../cloud-config/substitute.js';
import type { Finding } from '../config/errors.js';
import { loadConfig } from '../config/load.js';
import type { ResolvedConfig } from '../config/resolve.js';
import type { DiscoveryMode } from '../discovery/mode.js';
import { staticDiscovery } from '../discovery/static.js';
import { ADDED_PATHS, ADDED_UNITS, etcdDirectories, persist } from '../plan/adapt.js';
import type { Question } from '../plan/observation.js';
import { HostRun } from '../phases/run.js';
import { memberAddress } from '../providers/local/subnet.js';
import { addressesOf } from '../providers/ssh.js';
import { checkUserData } from '../render/check.js';
import { overridesFor } from '../config/overrides.js';
import { renderUserData, type UserData } from '../render/user-data.js';
import { StateDirectory } from '../state/state.js';
import { InputError } from '../util/errors.js';
import { readBase } from './base.js';

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

/** Renders every member's user-data in memory. */
export function renderProject(project: Project): readonly UserData[] {
  const { config, cluster, discovery } = project;
  const base = readBase(config.user_data, discovery);
  return renderUserData(cluster, discovery, base, (member) => overridesFor(config, member));
}

/** The desired state of every host, with everything about the user-data that can be wrong found before a host is touched. */
export function desiredHosts(project: Project, rendered: readonly UserData[]): readonly HostRun[] {
  return rendered.map(({ member, fileName, text }) => {
    const variables = substitutions(member);
    const { state } = readUserData({ file: fileName, text }, { vars: variables });
    const desired = persist(state);
    checkUserData({ member, desired, file: fileName, cluster: project.cluster });
    const digest = createHash('sha256')
      .update(substitute(text, variables, fileName))
      .digest('hex');
    return new HostRun({ member, desired, digest, question: questionFor(desired) });
  });
}

/** What the substitution variables stand for on a member's host. */
export function substitutions(member: Member): Readonly<Record<string, string | undefined>> {
  return {
    public_ipv4: member.publicIpv4,
    private_ipv4: member.privateIpv4,
    public_ipv6: member.publicIpv6,
    private_ipv6: member.privateIpv6,
  };
}

function questionFor(desired: HostState): Question {
  const units = [...desired.units.map((unit) => unit.name), ...desired.commands.map((command) => command.unit)];
  const users = [...desired.users.map((user) => user.name), ...desired.authorizedKeys.map((keys) => keys.user), 'etcd'];
  const dataDirs = etcdDirectories(desired);
  return {
    paths: unique([
      ...desired.files.map((file) => file.path),
      ...desired.directories.map((directory) => directory.path),
      ...dataDirs,
      ...ADDED_PATHS,
    ]),
    units: unique([...units, ...ADDED_UNITS]),
    users: unique(users),
    dataDirs,
  };
}

function unique(items: readonly string[]): readonly string[] {
  return [...new Set(items)];
}
