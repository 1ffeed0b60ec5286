import { EtcdClient } from '../etcd/client.js';
import { DEFAULT_UNIT } from '../etcd/service.js';
import { EtcdV2Client } from '../etcd/v2-client.js';
import type { HostRun } from './run.js';

/** Where an etcd without settings listens (etcd documentation, "Configuration options"). */
const ADDRESS = { host: '127.0.0.1', port: 2379 };
const TIMEOUT = 2000;

/** Whether the etcd of the distribution's own unit runs on this host. */
export function runsDefaultEtcd({ observation }: HostRun): boolean {
  return observation.units.get(DEFAULT_UNIT)?.active === 'active';
}

/**
 * Whether the etcd that runs on a host is what the installation of Debian's package has started: one member that only the
 * host itself reaches, without a key, and without the v2 API, which somebody would have had to turn on. Changes nothing.
 */
export async function holdsNothing({ connection }: HostRun): Promise<boolean> {
  const dial = () => connection.forward(ADDRESS.host, ADDRESS.port);
  const client = new EtcdClient(dial, TIMEOUT);
  try {
    const [members, empty] = await Promise.all([client.members(), client.isEmpty()]);
    const alone = members.length === 1 && members[0]?.peerUrls.join() === 'http://localhost:2380';
    return alone && empty && !(await servesV2(new EtcdV2Client(dial, TIMEOUT)));
  } catch {
    // Whatever it is, it is not that.
    return false;
  }
}

async function servesV2(client: EtcdV2Client): Promise<boolean> {
  return client.memberNames().then(
    () => true,
    () => false,
  );
}
