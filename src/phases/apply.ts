import { ETCD_UNIT } from '../etcd/service.js';
import { restarts } from '../plan/step.js';
import { FLEET_UNIT } from '../fleet/service.js';
import { etcdHosts } from './etcd-host.js';
import { onAll } from './failures.js';
import { etcdStart, firstToStart, servesPeers } from './first-start.js';
import { fleetHosts, launchedUnits, waitForMachine, waitForUnits } from './fleet-host.js';
import { serves } from './quorum.js';
import type { HostRun, UpRun } from './run.js';
import type { Phase } from './runner.js';
import { runSteps, type Wait } from './steps.js';
import { waitForMember } from './wait.js';

/**
 * Runs the first stage of every host's steps: all hosts at once, except for those whose working etcd restarts. These
 * follow one at a time, each healthy before the next, so that the cluster keeps its quorum (src/plan/quorum.ts).
 */
export const apply: Phase<UpRun> = {
  title: 'Applying the cloud-configs',
  skip: ({ hosts }) => hosts.every((host) => host.plan.apply.length === 0),
  async run(run) {
    const { hosts, reporter } = run;
    const { mended = [], lost = [] } = run.rollOut ?? {};
    const todo = hosts.filter((host) => host.plan.apply.length > 0 && !host.applied);
    const rolling = todo.filter(
      (host) => restarts(host.plan, ETCD_UNIT) && serves(host) && !mended.includes(host.name),
    );
    const free = todo.filter((host) => !rolling.includes(host));
    await applyAtOnce(free, run);
    const etcd = etcdHosts(hosts);
    for (const host of rolling) {
      // Everybody else must be sound before one more member goes away for a moment; for those that are down, and stay so,
      // the quorum has been counted without them.
      const others = etcd.filter((member) => member.host !== host && !lost.includes(member.name));
      await onAll(`nothing was changed on ${host.name}, since these are not healthy`, others, reporter, (other) =>
        waitForMember(other, run),
      );
      await onAll('the change stopped at', [host], reporter, async () => {
        await applyHost(host, run);
        for (const self of etcd.filter((member) => member.host === host)) await waitForMember(self, run);
      });
    }
  },
};

/** On hosts that need not wait for each other, but for a first member that founds the cluster (first-start.ts). */
async function applyAtOnce(hosts: readonly HostRun[], run: UpRun): Promise<void> {
  const first = firstToStart(hosts, run);
  // Begun before the others, so that it is done before them.
  const leading = first && applyHost(first, run);
  const serving = first && leading?.then(() => servesPeers(first, run.signal)).catch(() => undefined);
  await onAll('the cloud-config could not be applied on', hosts, run.reporter, async (host) => {
    if (host === first) {
      await leading;
      return serving;
    }
    const before = serving && etcdStart(host);
    return applyHost(host, run, before && { before, until: serving });
  });
}

/** Makes the first stage of one host's steps. */
export async function applyHost(host: HostRun, run: UpRun, wait?: Wait): Promise<void> {
  await runSteps(host, host.plan.apply, run, wait);
  host.applied = true;
}

/**
 * Runs the second stage: what comes after etcd. A fleetd that works and is restarted first stops its units, and others
 * take them over: one host at a time, each back before the next.
 */
export const finish: Phase<UpRun> = {
  title: 'Running the remaining commands',
  skip: ({ hosts }) => hosts.every((host) => host.plan.finish.length === 0),
  async run(run) {
    const { hosts, reporter } = run;
    const todo = hosts.filter((host) => host.plan.finish.length > 0);
    const rolling = todo.filter(
      (host) => restarts(host.plan, FLEET_UNIT) && host.observation.units.get(FLEET_UNIT)?.active === 'active',
    );
    const free = todo.filter((host) => !rolling.includes(host));
    await onAll('commands of the cloud-config failed on', free, reporter, (host) =>
      runSteps(host, host.plan.finish, run),
    );
    for (const host of rolling) {
      await onAll('the change stopped at', [host], reporter, async () => {
        const fleet = fleetHosts([host])[0];
        const before = fleet && (await launchedUnits(fleet));
        await runSteps(host, host.plan.finish, run);
        if (!fleet || !before) return;
        await waitForMachine(fleet, run);
        await waitForUnits(fleet, before, run);
      });
    }
  },
};
