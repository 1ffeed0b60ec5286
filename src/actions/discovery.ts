import { randomUUID } from 'node:crypto';
import { childOf } from '../cloud-config/nodes.js';
import { parseCloudConfig } from '../cloud-config/parse.js';
import { stringOf } from '../cloud-config/scalars.js';
import { discoveryNode, etcdMembers } from '../cluster/build.js';
import type { Cluster } from '../cluster/types.js';
import { servesDiscovery, type ResolvedConfig } from '../config/resolve.js';
import { dnsDiscovery, settledDns } from '../discovery/dns.js';
import { customDiscovery, DEFAULT_PATH, endpointOf, type CustomDiscovery } from '../discovery/custom.js';
import type { DiscoveryMode } from '../discovery/mode.js';
import { staticDiscovery, staticMembership } from '../discovery/static.js';
import { customRendezvous } from '../phases/custom-discovery.js';
import type { Rendezvous } from '../phases/run.js';
import type { DiscoveryState } from '../state/state.js';
import { dnsOf, dnsRendezvousOf } from './dns-mode.js';
import { readBase } from './base.js';
import type { Project } from './project.js';

/** Stands for what `render` and `up` make, in documents that are only looked at before. */
const NOT_YET_MADE = 'token-of-the-first-render';

/**
 * How the members of a cluster find each other, by its config and by what is remembered of it. Pure but for the base
 * user-data, which may name a token of its own.
 */
export function discoveryMode(
  config: ResolvedConfig,
  cluster: Cluster,
  remembered: DiscoveryState | undefined,
): DiscoveryMode {
  const { discovery } = config;
  if (remembered?.membership !== undefined) {
    const { membership } = remembered;
    return discovery.mode === 'dns' ? settledDns(dnsOf(config), membership) : staticMembership(() => membership);
  }
  switch (discovery.mode) {
    case 'custom':
      return customDiscovery(customOf(config, cluster, remembered));
    case 'dns':
      return dnsDiscovery(dnsOf(config));
    default:
      return staticDiscovery;
  }
}

/** Where custom discovery is: as config.ts says, otherwise as the user-data says, otherwise as it was made. */
export function customOf(
  config: ResolvedConfig,
  cluster: Cluster,
  remembered: DiscoveryState | undefined,
): CustomDiscovery {
  const { discovery } = config;
  if (discovery.mode !== 'custom') throw new RangeError(`the discovery mode is ${discovery.mode}`);
  const { token, path, endpoint } = discovery;
  const where = endpoint === undefined ? {} : { endpoint };
  const kept = remembered?.mode === 'custom' ? remembered.token : undefined;
  const written = token === undefined && path === undefined ? tokenInBase(config, cluster, where) : undefined;
  return {
    ...where,
    token: token ?? written?.token ?? kept ?? NOT_YET_MADE,
    path: written?.path ?? path?.replace(/^\/+|\/+$/g, '') ?? DEFAULT_PATH,
  };
}

/** Whether the first instance only serves discovery. */
export function hasDiscoveryNode(config: ResolvedConfig): boolean {
  return servesDiscovery(config.discovery);
}

/**
 * Makes and remembers what the discovery mode needs before anything can be rendered: once per cluster.
 *
 * @returns the project with a discovery mode that is complete
 */
export async function prepareDiscovery(project: Project): Promise<Project> {
  const { config, cluster, state } = project;
  const { discovery } = await state.load();
  const made = newDiscovery(config, cluster, discovery);
  if (made === undefined) return project;
  await state.update((before) => ({ ...before, discovery: made }));
  return { ...project, discovery: discoveryMode(config, cluster, made), discoveryState: made };
}

/** @returns what is to be remembered from now on; undefined if there is nothing new */
function newDiscovery(
  config: ResolvedConfig,
  cluster: Cluster,
  remembered: DiscoveryState | undefined,
): DiscoveryState | undefined {
  if (config.discovery.mode !== 'custom' || remembered?.membership !== undefined) return undefined;
  const { token } = customOf(config, cluster, remembered);
  if (token !== NOT_YET_MADE) return undefined;
  return { mode: 'custom', token: randomUUID(), size: etcdMembers(cluster).length };
}

/** What must be there while members first start, for this project's way to find each other. */
export function rendezvousOf(project: Project): Rendezvous | undefined {
  const { config, cluster, discovery, discoveryState } = project;
  if (discovery.name === 'dns') return dnsRendezvousOf(config);
  if (discovery.name !== 'custom') return undefined;
  return customRendezvous(customOf(config, cluster, discoveryState));
}

/** The token and path of a discovery URL that the user-data has already, if it leads to the etcd that serves discovery. */
function tokenInBase(
  config: ResolvedConfig,
  cluster: Cluster,
  where: Pick<CustomDiscovery, 'endpoint'>,
): { readonly path: string; readonly token: string } | undefined {
  const url = discoveryInBase(config);
  if (url === undefined) return undefined;
  const found = /^\/v2\/keys\/([\w./-]+)\/([\w-]+)\/?$/.exec(url.pathname);
  const node = discoveryNode(cluster);
  const hosts = [new URL(endpointOf(cluster, { token: '', path: '', ...where })).hostname, node?.publicIpv4];
  if (!found?.[1] || !found[2] || !hosts.includes(url.hostname)) return undefined;
  return { path: found[1], token: found[2] };
}

/** What a plain cloud-config says under coreos.etcd2.discovery; what is wrong with the file is told when it is rendered. */
function discoveryInBase({ user_data: file }: ResolvedConfig): URL | undefined {
  if (file === undefined) return undefined;
  try {
    const base = readBase(file, staticDiscovery);
    if (base.kind === 'template') return undefined;
    const { root } = parseCloudConfig(base);
    const section = childOf(childOf(root ?? undefined, 'coreos'), 'etcd2');
    return new URL(stringOf(childOf(section, 'discovery')));
  } catch {
    return undefined;
  }
}
