import { adapt } from '../plan/adapt.js';
import { diff } from '../plan/diff.js';
import { adopt, withAdoption, type Adoption } from '../plan/foreign.js';
import { keptNotices, replacedNotices } from '../plan/notices.js';
import type { HostRun, UpRun } from './run.js';
import type { Phase } from './runner.js';

/** Compares what each host is with what it should be. */
export const plan: Phase<UpRun> = {
  title: 'Comparing',
  run({ hosts, cluster, reporter, adopt: mayAdopt = false }) {
    for (const host of hosts) {
      const adoption = mayAdopt ? takeOver(host, cluster.name) : NOTHING;
      const { state, notices } = adapt(host.desired, host.observation, host.fleet, host.etcd);
      const identity = { cluster: cluster.name, member: host.name, userData: host.digest };
      host.plan = withAdoption(diff(state, host.observation, identity), adoption);
      for (const notice of [...notices, ...keptNotices(state, host.observation), ...replacedNotices(host.plan)]) {
        reporter.info(`${host.name} ${notice}`);
      }
    }
    return Promise.resolve();
  },
};

const NOTHING = { before: [], after: [] };

/** From then on everything is compared with the host as it is once it is taken over. */
function takeOver(host: HostRun, cluster: string): Adoption {
  const { state } = adapt(host.desired, host.observation, host.fleet, host.etcd);
  const adoption = adopt(state, host.observation, cluster);
  host.observation = adoption.observed;
  return adoption;
}
