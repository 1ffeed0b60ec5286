import { adapt, wantsEtcd } from '../plan/adapt.js';
import { bringsEtcdService } from '../plan/adapt-etcd.js';
import { overriding, overwritten } from '../plan/foreign.js';
import { MANIFEST_PATH } from '../plan/manifest.js';
import { holdsNothing, runsDefaultEtcd } from './default-etcd.js';
import type { MemberFailure } from './failures.js';
import type { HostRun } from './run.js';

/** @returns everything on a host that is not coreup's and that its steps would harm, in one sentence; undefined for nothing */
export async function foreignRefusal(host: HostRun, cluster: string): Promise<MemberFailure | undefined> {
  const found = [...whose(host, cluster), ...(await etcdOfOthers(host)), ...unitsOfOthers(host)];
  if (found.length === 0) return undefined;
  return {
    member: host.name,
    message: found.join('; '),
    hint:
      'Look whose it is. `coreup up --adopt` takes it over, and keeps what it replaces under another name; ' +
      '`coreup plan --adopt` shows how.',
  };
}

function whose({ desired, observation }: HostRun, cluster: string): readonly string[] {
  const { data, manifest } = observation;
  const where = data.join(', ');
  if (manifest !== undefined) {
    if (manifest.cluster === cluster) return [];
    const whoseData = data.length === 0 ? '' : `, whose etcd data is in ${where}`;
    return [`belongs to the cluster ${manifest.cluster} (${MANIFEST_PATH})${whoseData}`];
  }
  const disturbed = data.length > 0 && wantsEtcd(desired) && !bringsEtcdService(observation);
  return disturbed ? [`has etcd data in ${where} that coreup did not make`] : [];
}

async function etcdOfOthers(host: HostRun): Promise<readonly string[]> {
  if (!wantsEtcd(host.desired) || bringsEtcdService(host.observation)) return [];
  if (!runsDefaultEtcd(host) || (await holdsNothing(host))) return [];
  return ["runs an etcd that coreup did not set up (etcd.service, the distribution's own), and it is in use"];
}

function unitsOfOthers({ desired, observation, fleet, etcd, plan }: HostRun): readonly string[] {
  const { state } = adapt(desired, observation, fleet, etcd);
  return [...overwritten(plan, observation), ...overriding(state, observation)].map(
    ({ path, what }) => `has ${path}, ${what}`,
  );
}
