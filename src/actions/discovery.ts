import { randomUUID } from 'node:crypto';
import { childOf } from '../cloud-config/nodes.js';
import { parseCloudConfig } from '../cloud-config/parse.js';
import { stringOf } from '../cloud-config/scalars.js';
import { discoveryNode, etcdMembers } from '../cluster/build.js';
import type { Cluster } from '../cluster/types.js';
import { servesDiscovery, type ResolvedConfig } from '../config/resolve.js';
import { dnsDiscovery, settledDns } from '../discovery/dns.js';
import { customDiscovery, DEFAULT_PATH, endpointOf, type CustomDiscovery } from '../discovery/custom.js';
import { ephemeralDiscovery } from '../discovery/ephemeral.js';
import type { DiscoveryMode } from '../discovery/mode.js';
import { publicDiscovery } from '../discovery/public.js';
import { askNewToken, PUBLIC_SERVICE, type AskOptions } from '../discovery/service.js';
import { staticDiscovery, staticMembership } from '../discovery/static.js';
import { tokenUrlProblem, withoutSlash } from '../cluster/discovery-url.js';
import { customRendezvous } from '../phases/custom-discovery.js';
import { ephemeralRendezvous } from '../phases/ephemeral-discovery.js';
import { publicRendezvous } from '../phases/public-discovery.js';
import type { Rendezvous } from '../phases/run.js';
import type { DiscoveryState } from '../state/state.js';
import { dnsOf, dnsRendezvousOf } from './dns-mode.js';
import { InputError } from '../util/errors.js';
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
    return discovery.mode === 'dns' ? settledDns(dnsOf(config), membership) : staticMembership(membership);
  }
  switch (discovery.mode) {
    case 'custom':
      return customDiscovery(customOf(config, cluster, remembered));
    case 'dns':
      return dnsDiscovery(dnsOf(config));
    case 'public':
      return publicDiscovery(publicUrl(config, remembered) ?? `https://discovery.etcd.io/${NOT_YET_MADE}`);
    case 'ephemeral':
      return ephemeralDiscovery({
        port: discovery.port,
        token: tokenOfMode('ephemeral', remembered) ?? NOT_YET_MADE,
      });
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
  const kept = tokenOfMode('custom', remembered);
  const written = token === undefined && path === undefined ? tokenInBase(config, cluster, where) : undefined;
  return {
    ...where,
    token: token ?? written?.token ?? kept ?? NOT_YET_MADE,
    path: written?.path ?? path?.replace(/^\/+|\/+$/g, '') ?? DEFAULT_PATH,
  };
}

/** The discovery URL of public discovery: as config.ts says, otherwise as the user-data says, otherwise as it was asked for. */
export function publicUrl(config: ResolvedConfig, remembered: DiscoveryState | undefined): string | undefined {
  const { discovery } = config;
  if (discovery.mode !== 'public') throw new RangeError(`the discovery mode is ${discovery.mode}`);
  if (discovery.url !== undefined) return withoutSlash(discovery.url);
  const written = discoveryInBase(config)?.href;
  if (written !== undefined && tokenUrlProblem(written) === undefined) return withoutSlash(written);
  return remembered?.mode === 'public' ? remembered.url : undefined;
}

function tokenOfMode(mode: string, remembered: DiscoveryState | undefined): string | undefined {
  return remembered?.mode === mode ? remembered.token : undefined;
}

/** Whether the first instance only serves discovery. */
export function hasDiscoveryNode(config: ResolvedConfig): boolean {
  return servesDiscovery(config.discovery);
}

/**
 * Makes, or asks for, and remembers what the discovery mode needs before anything can be rendered: once per cluster.
 *
 * @returns the project with a discovery mode that is complete
 * @throws CoreupError DISCOVERY_* where a service gives no token; InputError DISCOVERY_LATE, DISCOVERY_SIZE
 */
export async function prepareDiscovery(project: Project, options: AskOptions = {}): Promise<Project> {
  const { config, cluster, discoveryState } = project;
  // Converted in this run: from now on this is how it is.
  if (discoveryState?.membership !== undefined) return withToken(project, discoveryState);
  if (!(await lacksToken(project))) return project;
  return withToken(project, await newDiscovery(config, cluster, options));
}

/**
 * Whether the discovery mode still lacks its token. Asks no service, and remembers nothing.
 *
 * @throws InputError DISCOVERY_LATE, DISCOVERY_SIZE where a token would be of no use
 */
export async function lacksToken({ config, cluster, state }: Project): Promise<boolean> {
  const { discovery: remembered, bootstrap } = await state.load();
  if (!needsToken(config, cluster, remembered)) {
    if (bootstrap?.phase !== 'done') refuseOtherSize(config, cluster, remembered);
    return false;
  }
  if (bootstrap?.phase === 'done') throw tooLate(config);
  return true;
}

/** Remembers a new token, or the like. */
export async function withToken(project: Project, made: DiscoveryState): Promise<Project> {
  const { config, cluster, state } = project;
  await state.update((before) => ({ ...before, discovery: made }));
  return { ...project, discovery: discoveryMode(config, cluster, made), discoveryState: made };
}

/** Whether the mode lives on a token that there is not yet. */
function needsToken(config: ResolvedConfig, cluster: Cluster, remembered: DiscoveryState | undefined): boolean {
  if (remembered?.membership !== undefined) return false;
  switch (config.discovery.mode) {
    case 'custom':
      return customOf(config, cluster, remembered).token === NOT_YET_MADE;
    case 'public':
      return publicUrl(config, remembered) === undefined;
    case 'ephemeral':
      return tokenOfMode('ephemeral', remembered) === undefined;
    default:
      return false;
  }
}

/** A new token for the mode of this config, asked for or made. */
export async function newDiscovery(
  { discovery }: ResolvedConfig,
  cluster: Cluster,
  options: AskOptions = {},
): Promise<DiscoveryState> {
  const { mode } = discovery;
  const size = etcdMembers(cluster).length;
  if (mode !== 'public') return { mode, token: randomUUID(), size };
  const url = await askNewToken(discovery.new_discovery_url ?? PUBLIC_SERVICE, size, options);
  return { mode, url, size };
}

/** The size of a token that was asked for is fixed; asking for another without being told would leave it behind. */
function refuseOtherSize(config: ResolvedConfig, cluster: Cluster, remembered: DiscoveryState | undefined): void {
  if (config.discovery.mode !== 'public' || remembered?.mode !== 'public') return;
  if (remembered.url !== publicUrl(config, remembered)) return;
  const size = etcdMembers(cluster).length;
  if (remembered.size === size) return;
  throw new InputError(
    `the discovery token that coreup asked for is for ${remembered.size} members; config.ts asks for ${size}`,
    { code: 'DISCOVERY_SIZE', hint: 'Ask for another: `coreup token new`; or set the number of members back.' },
  );
}

/** A cluster that was founded in one way has no use for another. */
function tooLate({ discovery: { mode } }: ResolvedConfig): InputError {
  return new InputError(`this cluster was founded without mode "${mode}", and members look for each other only once`, {
    code: 'DISCOVERY_LATE',
    hint: 'Set `discovery` in config.ts back to what it was.',
  });
}

/** What must be there while members first start, for this project's way to find each other. */
export function rendezvousOf(project: Project): Rendezvous | undefined {
  const { config, cluster, discovery, discoveryState } = project;
  switch (discovery.name) {
    case 'custom':
      return customRendezvous(customOf(config, cluster, discoveryState));
    case 'dns':
      return dnsRendezvousOf(config);
    case 'public': {
      const url = publicUrl(config, discoveryState);
      return url === undefined ? undefined : publicRendezvous(url);
    }
    case 'ephemeral': {
      const token = tokenOfMode('ephemeral', discoveryState);
      if (config.discovery.mode !== 'ephemeral' || token === undefined) return undefined;
      return ephemeralRendezvous({ token, port: config.discovery.port });
    }
    default:
      return undefined;
  }
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
