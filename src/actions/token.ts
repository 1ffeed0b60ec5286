import { etcdMembers } from '../cluster/build.js';
import { ephemeralUrl } from '../discovery/ephemeral.js';
import { discoveryUrl } from '../discovery/custom.js';
import { isRegistrationOf, parseRegistration, type Registration } from '../discovery/registration.js';
import { look } from '../discovery/token.js';
import { etcdProgress } from '../phases/etcd-progress.js';
import { etcdHosts } from '../phases/etcd-host.js';
import type { EtcdHost } from '../phases/run.js';
import { takeLock } from '../state/lock.js';
import { CoreupError, InputError, messageOf } from '../util/errors.js';
import { customOf, newDiscovery, publicUrl, withToken } from './discovery.js';
import { desiredHosts, renderProject } from './desired.js';
import { withHosts } from './hosts.js';
import type { Project } from './project.js';

export interface TokenReport {
  readonly mode: string;
  readonly url: string;
  /** How many members the token is for. */
  readonly size: number;
  readonly registered: readonly { readonly id: string; readonly name: string; readonly peer_urls: readonly string[] }[];
  /** Names of the etcd members that have not registered. */
  readonly missing: readonly string[];
  /** Names, or IDs, of those that have registered and are not in this cluster. */
  readonly foreign: readonly string[];
}

/**
 * Tells what is registered with the project's discovery token.
 *
 * @throws InputError TOKEN_NONE where the mode has none, or none yet; CoreupError DISCOVERY_* from the service
 */
export async function showToken(project: Project, signal: AbortSignal): Promise<TokenReport> {
  const { config } = project;
  const url = urlOf(project);
  if (url === undefined) {
    throw new InputError('there is no discovery token yet', {
      code: 'TOKEN_NONE',
      hint: '`coreup up` and `coreup render` make one, or `coreup token new`.',
    });
  }
  const { size, members } = config.discovery.mode === 'ephemeral' ? served(project) : await look(url, { signal });
  const expected = etcdHosts(desiredHosts(project, renderProject(project))).map((member) => member.expected);
  const isOwn = (member: Registration): boolean => expected.some((own) => isRegistrationOf(member, own));
  const names = members.filter(isOwn).map(({ name }) => name);
  return {
    mode: config.discovery.mode,
    url,
    size,
    registered: members.map(({ id, name, peerUrls }) => ({ id, name, peer_urls: peerUrls })),
    missing: expected.map(({ name }) => name).filter((name) => !names.includes(name)),
    foreign: members.filter((member) => !isOwn(member)).map(({ id, name }) => name || id),
  };
}

/** What coreup itself has served, from what it remembers. */
function served({ discoveryState }: Project): { readonly size: number; readonly members: readonly Registration[] } {
  const members = (discoveryState?.registrations ?? []).map(({ id, value }) => ({
    id,
    ...(parseRegistration(value) ?? { name: '', peerUrls: [] }),
  }));
  return { size: discoveryState?.size ?? 0, members };
}

/** @throws InputError TOKEN_NONE where the mode has no token at all */
function urlOf({ config, cluster, discoveryState }: Project): string | undefined {
  const { discovery } = config;
  const kept = discoveryState?.mode === discovery.mode ? discoveryState : undefined;
  switch (discovery.mode) {
    case 'public':
      return publicUrl(config, discoveryState);
    case 'ephemeral':
      return kept?.token === undefined ? undefined : ephemeralUrl({ token: kept.token, port: discovery.port });
    case 'custom':
      return kept === undefined && discovery.token === undefined
        ? undefined
        : discoveryUrl(cluster, customOf(config, cluster, discoveryState));
    default:
      throw new InputError(`mode "${discovery.mode}" has no discovery token`, {
        code: 'TOKEN_NONE',
        hint: 'Tokens belong to the modes public, custom and ephemeral (docs/discovery.md).',
      });
  }
}

/**
 * Replaces the project's discovery token. Only for a cluster that was never founded: one that runs never looks at its
 * token again, and a member that found another token would found another cluster.
 *
 * @throws InputError TOKEN_GIVEN or TOKEN_NONE; CoreupError TOKEN_IN_USE, or DISCOVERY_* from the service
 */
export async function newToken(
  project: Project,
  options: { readonly signal: AbortSignal; readonly onRetry: (reason: string) => void },
): Promise<{ readonly mode: string; readonly url: string; readonly size: number }> {
  const { config, cluster, state } = project;
  urlOf(project);
  refuseGiven(project);
  const unlock = await takeLock(state, 'token new');
  try {
    await refuseFounded(project, options.signal);
    const made = await withToken(project, await newDiscovery(config, cluster, options));
    return { mode: config.discovery.mode, url: urlOf(made) ?? '', size: etcdMembers(cluster).length };
  } finally {
    await unlock();
  }
}

function refuseGiven({ config, discovery, cluster }: Project): void {
  const asked = config.discovery;
  const given = asked.mode === 'public' ? asked.url : asked.mode === 'custom' ? asked.token : undefined;
  const written = asked.mode === 'public' && given === undefined ? publicUrl(config, undefined) : undefined;
  if (given === undefined && written === undefined) return;
  const where = given === undefined ? 'the user-data' : 'config.ts';
  throw new InputError(`${where} gives the discovery token of ${cluster.name} itself (mode ${discovery.name})`, {
    code: 'TOKEN_GIVEN',
    hint: `Change it there, or take it out: then coreup keeps a token of its own.`,
  });
}

async function refuseFounded(project: Project, signal: AbortSignal): Promise<void> {
  const { bootstrap } = await project.state.load();
  if (bootstrap === undefined) return;
  const hint = 'To start anew, with a new token: `coreup destroy`, then `coreup up`.';
  if (bootstrap.phase === 'done') {
    throw new CoreupError('the cluster is founded, and its members never look at a discovery token again', {
      code: 'TOKEN_IN_USE',
      hint,
    });
  }
  const members = etcdHosts(desiredHosts(project, renderProject(project)));
  const reasons = await withHosts(project, async ({ provider, connect }) => {
    const power = await provider.status(project.cluster);
    return Promise.all(
      members
        .filter(({ name }) => power.get(name) !== 'absent')
        .map((member) => reasonToKeep(member, power.get(member.name), () => connect(member.host.member), signal)),
    );
  });
  const kept = reasons.filter((reason) => reason !== undefined);
  if (kept.length === 0) return;
  throw new CoreupError(`the discovery token may be in use: ${kept.join('; ')}`, { code: 'TOKEN_IN_USE', hint });
}

/** @returns why a new token could do harm, as far as this member goes */
async function reasonToKeep(
  { name, host }: EtcdHost,
  power: string | undefined,
  connect: () => Promise<EtcdHost['host']['connection']>,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (power === 'stopped') return `${name} is shut down, and may have data`;
  try {
    const { founded } = await etcdProgress(await connect(), host.desired, signal);
    return founded ? `${name} has founded a cluster with it` : undefined;
  } catch (error) {
    return `${name} could not be looked at (${messageOf(error)})`;
  }
}
