import { discoveryKey, sizeKey } from '../etcd/discovery-keys.js';
import { hasV2Api, type EtcdVersion } from '../etcd/version.js';
import { EtcdClient } from '../etcd/client.js';
import { EtcdV2Client } from '../etcd/v2-client.js';
import { CoreupError, messageOf } from '../util/errors.js';
import type { Dial } from '../util/http.js';
import { applyHost } from './apply.js';
import { clientAddress, discoveryHost, etcdHosts } from './etcd-host.js';
import { onAll } from './failures.js';
import type { EtcdHost, Rendezvous, UpRun } from './run.js';
import { waitForMember } from './wait.js';

/** Where the token is that members register with. */
export interface CustomRendezvous {
  readonly path: string;
  readonly token: string;
  /** Client URL of an etcd that serves it; the discovery node's, where it is absent. */
  readonly endpoint?: string;
}

/**
 * Starts the node that serves discovery (or takes the etcd that does) and tells it how many members to expect. etcd
 * refuses to register with a token that has no size.
 */
export function customRendezvous(discovery: CustomRendezvous): Rendezvous {
  return {
    title: 'Preparing discovery',
    open: (run) => announceSize(discovery, run),
    close: () => Promise.resolve(),
  };
}

async function announceSize(discovery: CustomRendezvous, run: UpRun): Promise<void> {
  const members = etcdHosts(run.hosts);
  const size = String(members.length);
  const [asker] = members;
  const node = discoveryHost(run.hosts);
  const teller = discovery.endpoint === undefined ? node?.host : asker?.host;
  if (!teller || !asker) throw new RangeError('custom discovery without members');
  refuseMixture(members, node);
  await onAll('discovery could not be prepared on', [teller], run.reporter, async (host) => {
    if (discovery.endpoint === undefined && node) {
      if (!host.applied) await applyHost(host, run);
      await waitForMember(node, run);
    }
    const at = discovery.endpoint === undefined ? clientAddress(host.desired) : addressOf(discovery.endpoint);
    const dial: Dial = () => host.connection.forward(at.host, at.port);
    // Members of etcd 3.6 and later register through the v3 API.
    const v2 = hasV2Api(asker.host.chosenEtcd?.version);
    const key = v2 ? `${discoveryKey(discovery)}/_config/size` : sizeKey(discovery.token);
    const client = v2 ? new EtcdV2Client(dial) : new EtcdClient(dial);
    await setSize(client, key, size, discovery.endpoint ?? `${at.host}:${at.port}`);
    run.reporter.member(host.name, `expects ${size} members`, 'done');
  });
}

/** Members up to etcd 3.5 and from 3.6 on register in ways that do not meet, and the first need the v2 API. */
function refuseMixture(members: readonly EtcdHost[], node: EtcdHost | undefined): void {
  const version = ({ host }: EtcdHost): EtcdVersion | undefined => host.chosenEtcd?.version;
  const older = members.filter((member) => hasV2Api(version(member)));
  const newer = members.filter((member) => !hasV2Api(version(member)));
  const told = (hosts: readonly EtcdHost[]): string =>
    hosts.map((host) => `${host.name} (etcd ${version(host)?.text ?? 'unknown'})`).join(', ');
  const hint = "Give all hosts the same etcd, or choose `discovery: { mode: 'static' }` in config.ts.";
  if (older.length > 0 && newer.length > 0) {
    const message = `${told(older)} and ${told(newer)} cannot meet through one discovery token: etcd 3.6 registers in another way`;
    throw new CoreupError(message, { code: 'DISCOVERY_VERSIONS', hint });
  }
  if (node && older.length > 0 && !hasV2Api(version(node))) {
    const message = `${told([node])} cannot serve discovery for ${told(older)}: etcd 3.6 has no v2 API any more`;
    throw new CoreupError(message, { code: 'DISCOVERY_VERSIONS', hint });
  }
}

async function setSize(client: EtcdClient | EtcdV2Client, key: string, size: string, where: string): Promise<void> {
  try {
    const present = await client.get(key);
    if (present === size) return;
    if (present !== undefined) {
      throw new CoreupError(`the token at ${where} is for ${present} members, and this cluster has ${size}`, {
        code: 'DISCOVERY_SIZE',
        hint: 'It belongs to another cluster, or num_instances has changed. Leave out `token` in config.ts, or give another.',
      });
    }
    await client.put(key, size);
  } catch (error) {
    if (error instanceof CoreupError && error.code === 'DISCOVERY_SIZE') throw error;
    throw new CoreupError(`the etcd at ${where} does not take the size of the cluster: ${messageOf(error)}`, {
      code: 'DISCOVERY_UNAVAILABLE',
      hint: 'It must be reachable from the hosts, and serve the v2 API (etcd 2, or 3.4 and 3.5 with --enable-v2).',
      cause: error,
    });
  }
}

function addressOf(endpoint: string): { readonly host: string; readonly port: number } {
  const { hostname, port, protocol } = new URL(endpoint);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || (protocol === 'https:' ? 443 : 80) };
}
