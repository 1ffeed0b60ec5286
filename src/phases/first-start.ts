import { setTimeout as delay } from 'node:timers/promises';
import { ask } from '../etcd/ask.js';
import { ETCD_UNIT } from '../etcd/service.js';
import { etcdEnvironment } from '../plan/adapt.js';
import type { Step } from '../plan/step.js';
import { CoreupError } from '../util/errors.js';
import { dialPeers, etcdHosts } from './etcd-host.js';
import { hasData } from './guard.js';
import type { EtcdHost, HostRun, UpRun } from './run.js';

/** Milliseconds for which the first may open its port and serve; then the others start all the same. */
const PATIENCE = 2000;
const PAUSE = 15;

/**
 * The member that is to start before the others, where a cluster is founded. A new member first asks the others, one
 * after the other in the order of their peer URLs, whether it has been a member before, and the first answer is enough
 * (etcd: isMemberBootstrapped). It waits a second for each that has opened its port and does not serve yet: members that
 * start at the same moment wait for each other. If the one that everybody asks first serves, nobody waits. Pure.
 *
 * @returns undefined where it does not matter: where it is not about to start, or members find each other by a token
 */
export function firstToStart(hosts: readonly HostRun[], { founding }: UpRun): HostRun | undefined {
  if (!founding) return undefined;
  const members = etcdHosts(hosts).filter(({ host }) => knowsMembers(host));
  const [first, second] = [...members].sort((a, b) => (askedAs(a) < askedAs(b) ? -1 : 1));
  if (!first || !second || hasData(first.host)) return undefined;
  return etcdStart(first.host) && dialPeers(first.host) && first.host;
}

/** The step that starts the etcd of a host. */
export function etcdStart({ plan }: HostRun): Step | undefined {
  return plan.apply.find(({ action }) => action.kind === 'unit-command' && action.unit === ETCD_UNIT);
}

/** Waits until a member that was just started answers its peers, or `PATIENCE` is over. Does not fail. */
export async function servesPeers(host: HostRun, signal: AbortSignal): Promise<void> {
  const dial = dialPeers(host);
  const end = performance.now() + PATIENCE;
  for (let left = PATIENCE; dial && left > 0 && !signal.aborted; left = end - performance.now()) {
    try {
      await ask(dial, { method: 'GET', path: '/members' }, Math.ceil(left));
      return;
    } catch (error) {
      // It has not opened its port yet. Everything else comes from somebody who serves, or never will.
      if (!(error instanceof CoreupError) || error.code !== 'SSH_FORWARD') return;
    }
    await delay(PAUSE);
  }
}

function knowsMembers({ desired }: HostRun): boolean {
  const environment = etcdEnvironment(desired);
  return environment.has('ETCD_INITIAL_CLUSTER') || environment.has('ETCD_DISCOVERY_SRV');
}

/** By what etcd sorts: members that are found by SRV records are known under the names in these. */
function askedAs({ name, expected }: EtcdHost): string {
  return expected.named === true ? name : ([...expected.peerUrls].sort()[0] ?? '');
}
