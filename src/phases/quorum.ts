import { ETCD_UNIT } from '../etcd/service.js';
import { rollOut, type RollOut } from '../plan/quorum.js';
import { commands, restarts } from '../plan/step.js';
import { InterruptedError } from '../util/errors.js';
import { etcdHosts } from './etcd-host.js';
import { MembersFailedError } from './failures.js';
import type { EtcdHost, HostRun, UpRun } from './run.js';
import type { Phase } from './runner.js';
import { PATIENCE, waitForMember } from './wait.js';

/** Milliseconds in which a member must answer whose etcd runs: it may just have started. */
const ANSWER = 15_000;

/**
 * Refuses, before the first change, restarts that would take the quorum from a cluster that could keep it. Asks etcd only
 * where a member that works is to restart.
 */
export const guardQuorum: Phase<UpRun> = {
  title: 'Checking the quorum',
  skip: ({ hosts }) => !hosts.some((host) => serves(host) && restarts(host.plan, ETCD_UNIT)),
  async run(run) {
    run.rollOut = await rollOutOf(run);
    refuseBreaking(run.rollOut);
  },
};

/** @throws MembersFailedError where restarts would take the quorum, with the order that would not */
export function refuseBreaking({ verdict, rolled, lost, stages }: RollOut): void {
  if (verdict !== 'refused') return;
  const during = stages.at(-1)?.during;
  const down = `${lost.join(', ')} ${lost.length === 1 ? 'is' : 'are'} down`;
  throw new MembersFailedError(
    'no host was changed, since etcd would lose its quorum',
    rolled.map((member) => ({
      member,
      message: `must restart its etcd, which would leave ${during?.up} of ${during?.voters} members, and ${during?.quorum} are the quorum: ${down}`,
      hint:
        `The order that keeps the quorum: ${[...lost, ...rolled].join(', then ')}. ` +
        `Mend ${lost.join(', ')} first (\`coreup logs ${lost[0]}\` says what is wrong), then run \`coreup up\` again.`,
    })),
  );
}

/**
 * What the steps of all hosts mean for the quorum. Hosts that are shut down come up before anything else is done.
 *
 * @param patience milliseconds that a member whose etcd runs has for its answer
 */
export async function rollOutOf(run: UpRun, patience = ANSWER): Promise<RollOut> {
  const voters = await Promise.all(
    etcdHosts(run.hosts).map(async (member) => {
      const { plan } = member.host;
      const up = mayAnswer(member.host) && (await answers(member, run, patience));
      const touched = up ? restarts(plan, ETCD_UNIT) : commands(plan, ETCD_UNIT).length > 0;
      return { name: member.name, up, restarts: touched };
    }),
  );
  const asleep = etcdHosts(run.asleep ?? []).map(({ name }) => ({ name, up: false, restarts: true }));
  return rollOut([...voters, ...asleep]);
}

/** Whether etcd on this host has joined its cluster, which is when it reports itself started. */
export function serves(host: HostRun): boolean {
  return host.observation.units.get(ETCD_UNIT)?.active === 'active';
}

/** One that has not joined, and that the plan restarts, is not waited for: it may be waiting for just that. */
function mayAnswer(host: HostRun): boolean {
  const state = host.observation.units.get(ETCD_UNIT)?.active;
  return state === 'active' || (state === 'activating' && !restarts(host.plan, ETCD_UNIT));
}

async function answers(member: EtcdHost, run: UpRun, ready: number): Promise<boolean> {
  try {
    await waitForMember(member, { ...run, patience: run.patience ?? { ...PATIENCE, ready } });
    return true;
  } catch (error) {
    if (error instanceof InterruptedError) throw error;
    return false;
  }
}
