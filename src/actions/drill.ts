import type { Member } from '../cluster/types.js';
import { etcdHosts } from '../phases/etcd-host.js';
import type { HostRun } from '../phases/run.js';
import type { Provider } from '../providers/port.js';
import type { Reporter } from '../report/port.js';
import { throwIfAborted } from '../ssh/abort.js';
import { takeLock } from '../state/lock.js';
import { CoreupError } from '../util/errors.js';
import { desiredHosts, renderProject } from './desired.js';
import { noteTo, restore, watchEtcd } from './drill-etcd.js';
import { DrillFleet, patienceFor, watchFleet } from './drill-fleet.js';
import { promises, seconds, type DrillResult } from './drill-result.js';
import { selectMembers, withHosts, type Way } from './hosts.js';
import type { Project } from './project.js';
import { openProvider } from './session.js';
import { clusterStatus, type StatusReport } from './status.js';

export interface DrillOptions {
  /** The member to stop; by default the one that leads etcd. */
  readonly kill?: string | undefined;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

/**
 * Cuts the power of one host, watches what etcd and fleet make of it, and starts it again, whatever happens meanwhile.
 *
 * @throws CoreupError DRILL_QUORUM, before anything is changed, where etcd would be left without a quorum;
 *   InterruptedError after the host has been started again
 */
export async function drill(project: Project, options: DrillOptions): Promise<DrillResult> {
  const [named] = options.kill === undefined ? [] : selectMembers(project, [options.kill]);
  const provider = await openProvider(project, true);
  // Refuses, and says why, where the machines are not coreup's.
  if (provider.kind === 'ssh') await provider.cutPower(named ? [named] : project.cluster.members, () => undefined);
  const unlock = await takeLock(project.state, 'drill');
  try {
    const status = await clusterStatus(project);
    const victim = named ?? selectMembers(project, [leaderOf(status)])[0];
    if (!victim) throw new RangeError('no member to stop');
    refuseQuorumLoss(status, victim.name);
    await refuseIdle(provider, project, victim);
    return await withHosts(project, (way) => run(project, { ...way, provider }, { ...options, victim, status }));
  } finally {
    await unlock();
  }
}

interface Scene extends DrillOptions {
  readonly victim: Member;
  readonly status: StatusReport;
}

async function run(project: Project, way: Way, scene: Scene): Promise<DrillResult> {
  const { victim, status, reporter, signal } = scene;
  const hosts = await reach(desiredHosts(project, renderProject(project)), way, project);
  const lost = hosts.find(({ name }) => name === victim.name);
  const survivors = hosts.filter((host) => host !== lost);
  const fleet = status.fleet === null ? undefined : await DrillFleet.open(hosts, victim.name);
  const problems: string[] = [];
  let etcd = {
    elected: undefined as number | undefined,
    leader: status.etcd.leader,
    answers: undefined as number | undefined,
  };
  let restored: DrillResult['restored'] | undefined;
  const start = performance.now();
  try {
    await reporter.phase(`Cutting the power of ${victim.name}`, () =>
      way.provider.cutPower([victim], noteTo(reporter)),
    );
    const voters = etcdHosts(survivors);
    etcd = await reporter.phase('Waiting for etcd', () =>
      watchEtcd(voters, status, { start, signal, victim, problems }),
    );
    if (fleet) {
      const many = fleet.watch.awaited.length;
      const title =
        many === 0 ? 'Looking at fleet' : `Waiting for fleet to move ${many} ${many === 1 ? 'unit' : 'units'}`;
      const patience = patienceFor(project);
      await reporter.phase(title, () => watchFleet(fleet, { start, patience, reporter, signal, problems }));
    }
  } finally {
    // Also after an error and a Ctrl-C: what the drill broke, it mends.
    restored = await reporter.phase(`Starting ${victim.name} again`, () =>
      restore(project, way, lost, { reporter, problems }),
    );
  }
  throwIfAborted(signal);
  const last = fleet && (await reporter.phase('Checking what fleet has', () => fleet.settle(problems)));
  const kept = fleet && last && promises(fleet.watch.broken(last));
  if (kept) problems.push(...kept.conflicts.broken, ...kept.nothing_lost.broken);
  return {
    ok: problems.length === 0 && restored.ok,
    victim: { name: victim.name, leader: status.etcd.leader === victim.name },
    etcd: { elected: seconds(etcd.elected), leader: etcd.leader, answers: seconds(etcd.answers) },
    fleet: fleet && kept ? { units: fleet.units(victim.name), promises: kept } : null,
    restored,
    problems,
  };
}

function leaderOf({ etcd }: StatusReport): string {
  if (etcd.leader !== '') return etcd.leader;
  throw new CoreupError('etcd has no leader: there is nothing that a drill could show', {
    code: 'DRILL_QUORUM',
    hint: 'Run `coreup status` to see what is wrong, `coreup up` to mend it.',
  });
}

/** Those that are healthy without the victim must still be more than half of all. */
function refuseQuorumLoss({ etcd: { members } }: StatusReport, victim: string): void {
  if (!members.some(({ name }) => name === victim)) return;
  const left = members.filter(({ name, healthy }) => healthy && name !== victim).length;
  const quorum = Math.floor(members.length / 2) + 1;
  if (left >= quorum) return;
  const ill = members.filter(({ healthy }) => !healthy).map(({ name }) => name);
  const because = ill.length > 0 ? `, and ${ill.join(', ')} ${ill.length === 1 ? 'is' : 'are'} not healthy` : '';
  throw new CoreupError(
    `without ${victim}, etcd would have ${left} of ${members.length} members, and it needs ${quorum}${because}`,
    {
      code: 'DRILL_QUORUM',
      member: victim,
      hint:
        ill.length > 0
          ? 'Run `coreup up` first, so that all members are healthy.'
          : 'A cluster that is to survive the loss of a member has at least three.',
    },
  );
}

async function refuseIdle(provider: Provider, { cluster }: Project, { name }: Member): Promise<void> {
  if ((await provider.status(cluster)).get(name) === 'running') return;
  throw new CoreupError(`${name} does not run, so there is nothing to stop`, {
    code: 'DRILL_NOT_RUNNING',
    member: name,
    hint: 'Run `coreup up` first.',
  });
}

/** Connects to every host that runs; one that cannot be reached takes no part. */
async function reach(
  hosts: readonly HostRun[],
  { connect, provider }: Way,
  { cluster }: Project,
): Promise<readonly HostRun[]> {
  const power = await provider.status(cluster);
  const reached = await Promise.all(
    hosts
      .filter(({ name }) => power.get(name) === 'running')
      .map(async (host) => {
        host.connection = await connect(host.member);
        return host;
      })
      .map((attempt) => attempt.catch(() => undefined)),
  );
  return reached.filter((host) => host !== undefined);
}
