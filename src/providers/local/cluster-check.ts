import type { Cluster } from '../../cluster/types.js';
import { InputError } from '../../util/errors.js';
import type { Problem } from '../port.js';
import { namespaceId } from './network.js';
import { readRoutes, subnetUser, takenSubnets, type Routes } from './routes.js';
import type { Store } from './store.js';
import { checkSubnet, freeSubnet, memberAddress, overlaps, parseSubnet } from './subnet.js';

export interface Wanted {
  readonly project: string;
  readonly subnet: string;
}

/** What is wrong with the cluster that the config describes, given what this machine already has. */
export function clusterProblems(store: Store, cluster: Cluster, wanted: Wanted): Problem[] {
  const names = nameProblems(cluster);
  if (names.length > 0) return names;
  if (process.platform !== 'linux') return [];
  const owner = store.ownerProblem(wanted.project);
  if (owner !== undefined) return [input(owner.message, owner.remedy)];
  try {
    const tooSmall = checkSubnet(wanted.subnet, Math.max(0, ...cluster.members.map((member) => member.index)));
    if (tooSmall !== undefined)
      return [input(tooSmall, 'take a larger subnet (a /24 has room for 154) or fewer instances')];
  } catch (error) {
    if (error instanceof InputError) return [input(error.message, error.hint ?? 'choose another subnet')];
    throw error;
  }
  const changed = changeProblems(store, cluster, wanted.subnet);
  return changed.length > 0 ? changed : subnetProblems(store, wanted.subnet);
}

/** Names become directories, cgroups and host names: RFC 1123 labels are safe as all three. */
function nameProblems(cluster: Cluster): Problem[] {
  const names = cluster.members.map((member) => member.name);
  const bad = names.filter((name) => !/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i.test(name));
  const problems = bad.map((name) =>
    input(
      `${JSON.stringify(name)} cannot be a host name`,
      'choose an instance_name_prefix of letters, digits and hyphens; a host name has at most 63 characters',
    ),
  );
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/.test(cluster.name)) {
    problems.push(
      input(
        `${JSON.stringify(cluster.name)} cannot be the name of a directory`,
        'choose a cluster_name of letters, digits, dots, hyphens and underscores',
      ),
    );
  }
  return problems;
}

/** Hosts that exist keep the address that they were made with. */
function changeProblems(store: Store, cluster: Cluster, subnet: string): Problem[] {
  return cluster.members.flatMap(({ name, index }) => {
    const has = store.hostRecord(name)?.address;
    const wants = memberAddress(subnet, index);
    if (has === undefined || has === wants) return [];
    return [
      input(
        `${name} exists with address ${has}, and the config gives it ${wants}`,
        `put the subnet back as it was, or make the host anew: coreup destroy ${name}, then coreup up`,
      ),
    ];
  });
}

function subnetProblems(store: Store, subnet: string): Problem[] {
  const state = readRoutes();
  const parsed = parseSubnet(subnet);
  const namespace = namespaceId();
  const neighbours = store.others().filter(({ record }) => record.namespace === namespace);
  const neighbour = neighbours.find(({ record }) => overlaps(parseSubnet(record.subnet), parsed));
  const user =
    neighbour === undefined
      ? subnetUser(state, parsed, store.bridge)
      : `the cluster ${neighbour.name} in ${neighbour.record.project} (${neighbour.record.subnet})`;
  if (user === undefined) return [];
  return [
    input(
      `subnet ${subnet} is taken by ${user}`,
      subnetRemedy(
        state,
        neighbours.map(({ record }) => record.subnet),
      ),
    ),
  ];
}

function subnetRemedy(state: Routes, others: readonly string[]): string {
  const free = freeSubnet([...takenSubnets(state), ...others.map(parseSubnet)]);
  if (free === undefined) return 'choose a subnet that no interface and no route of this machine has';
  return `write in config.ts: provider: { kind: 'local', subnet: '${free}' }`;
}

function input(message: string, remedy: string): Problem {
  return { message, remedy, blame: 'input' };
}
