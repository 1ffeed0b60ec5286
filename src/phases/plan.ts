import { adapt } from '../plan/adapt.js';
import { diff } from '../plan/diff.js';
import { keptNotices } from '../plan/notices.js';
import type { UpRun } from './run.js';
import type { Phase } from './runner.js';

/** Compares what each host is with what it should be. */
export const plan: Phase<UpRun> = {
  title: 'Comparing',
  run({ hosts, cluster, reporter }) {
    for (const host of hosts) {
      const { state, notices } = adapt(host.desired, host.observation, host.fleet, host.etcd);
      for (const notice of [...notices, ...keptNotices(state, host.observation)]) {
        reporter.info(`${host.name} ${notice}`);
      }
      host.plan = diff(state, host.observation, {
        cluster: cluster.name,
        member: host.name,
        userData: host.digest,
      });
    }
    return Promise.resolve();
  },
};
