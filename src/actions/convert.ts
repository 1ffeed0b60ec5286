import { etcdMembers } from '../cluster/build.js';
import type { ListedMember } from '../etcd/client.js';
import { CoreupError, InputError } from '../util/errors.js';
import { discoveryMode } from './discovery.js';
import type { Project } from './project.js';
import { liveMembership } from './status.js';
import { up, type UpOptions, type UpResult } from './up.js';

/**
 * Turns a discovered cluster into one with static membership: rendered files and drop-ins name the members that there
 * are, so that nothing in them leads to a discovery service any more. No etcd restarts: a member with data reads none of
 * these settings.
 *
 * @throws InputError if the cluster is static already, or was never whole; CoreupError if no member knows all members
 */
export async function convertToStatic(project: Project, options: UpOptions): Promise<UpResult> {
  const { state, discovery, config } = project;
  const { bootstrap } = await state.load();
  if (bootstrap?.phase !== 'done') {
    throw new InputError('this cluster has never been whole, so there is no membership to convert to', {
      code: 'CONVERT_NOT_FOUNDED',
      hint: "Run `coreup up` first, or choose `discovery: { mode: 'static' }` in config.ts.",
    });
  }
  const membership = initialClusterOf(await liveMembership(project), project);
  const remembered = {
    mode: config.discovery.mode,
    size: etcdMembers(project.cluster).length,
    ...project.discoveryState,
    membership,
  };
  options.reporter.info(
    discovery.name === 'static'
      ? 'the cluster is static already; its settings are compared with its membership'
      : `${discovery.name} discovery gives way to static membership: ${membership}`,
  );
  const settled = discoveryMode(config, project.cluster, remembered);
  return up({ ...project, discovery: settled, discoveryState: remembered }, options);
}

/** `name=peer-url` pairs in the order of config.ts, as etcd's `--initial-cluster` reads them. */
function initialClusterOf(listed: readonly ListedMember[], { cluster }: Project): string {
  const members = etcdMembers(cluster).map(({ name }) => ({
    name,
    found: listed.find((entry) => entry.name === name),
  }));
  const missing = members.filter(({ found }) => !found || found.peerUrls.length === 0).map(({ name }) => name);
  const more = listed.filter((entry) => !members.some(({ name }) => name === entry.name));
  if (missing.length > 0 || more.length > 0) {
    const said = [
      ...(missing.length > 0 ? [`${missing.join(', ')} is not in etcd's member list`] : []),
      ...(more.length > 0 ? [`${more.map(({ name, id }) => name || id).join(', ')} is not in config.ts`] : []),
    ];
    throw new CoreupError(`the live membership is not that of config.ts: ${said.join('; ')}`, {
      code: 'CONVERT_MEMBERSHIP',
      hint: 'Make the two agree first; `coreup status` shows who is there.',
    });
  }
  return members.flatMap(({ name, found }) => (found?.peerUrls ?? []).map((url) => `${name}=${url}`)).join(',');
}
