import type { Member } from '../cluster/types.js';
import { etcdHosts } from '../phases/etcd-host.js';
import type { EtcdHost, HostRun } from '../phases/run.js';
import type { Reporter } from '../report/port.js';
import { pause } from '../ssh/abort.js';
import { messageOf } from '../util/errors.js';
import { seconds, type DrillResult } from './drill-result.js';
import type { Way } from './hosts.js';
import type { Project } from './project.js';
import type { StatusReport } from './status.js';

/** Milliseconds: between two looks, until etcd must have a leader, and until a host must be back. */
const LOOK = 50;
const ELECTED = 60_000;
const BACK = 120_000;

interface EtcdWatch {
  readonly start: number;
  readonly signal: AbortSignal;
  readonly victim: Member;
  readonly problems: string[];
}

/** Until the survivors know a leader that is not the victim, and one of them answers a read that needs a quorum. */
export async function watchEtcd(
  voters: readonly EtcdHost[],
  before: StatusReport,
  { start, signal, victim, problems }: EtcdWatch,
): Promise<{ elected: number | undefined; leader: string; answers: number | undefined }> {
  const old = before.etcd.members.find(({ name }) => name === victim.name);
  const nameOf = (id: string): string => before.etcd.members.find((member) => member.id === id)?.name ?? id;
  while (performance.now() - start < ELECTED) {
    const seen = await Promise.all(voters.map(({ client }) => client.status().catch(() => undefined)));
    const leader = seen.find((one) => one?.leader !== undefined && one.leader !== old?.id)?.leader;
    if (leader !== undefined) {
      const elected = old?.leader === true ? performance.now() - start : undefined;
      const reads = voters.map(({ client }) => client.get('/coreup/verify'));
      const answered = await Promise.any(reads).then(
        () => true,
        () => false,
      );
      if (answered) return { elected, leader: nameOf(leader), answers: performance.now() - start };
    }
    await pause(LOOK, signal);
  }
  problems.push(`etcd had no leader that answers after ${ELECTED / 1000} s`);
  return { elected: undefined, leader: '', answers: undefined };
}

interface Restoring {
  readonly reporter: Reporter;
  readonly problems: string[];
}

/** Starts the victim, and waits until its etcd is one of the cluster again. Never interrupted, never throws. */
export async function restore(
  project: Project,
  { provider, connect }: Way,
  lost: HostRun | undefined,
  { reporter, problems }: Restoring,
): Promise<DrillResult['restored']> {
  const start = performance.now();
  const spent = (): number => seconds(performance.now() - start);
  try {
    await provider.ensure(project.cluster, noteTo(reporter));
    if (!lost) return { ok: true, seconds: spent() };
    // The old one looks alive until a keepalive goes unanswered.
    await lost.connection.close();
    lost.connection = await connect(lost.member, BACK);
    const [voter] = etcdHosts([lost]);
    while (voter && performance.now() - start < BACK) {
      const answers = await voter.client.get('/coreup/verify').then(
        () => true,
        () => false,
      );
      if (answers) return { ok: true, seconds: spent() };
      await new Promise((resolve) => setTimeout(resolve, LOOK));
    }
    if (!voter) return { ok: true, seconds: spent() };
    problems.push(`etcd on ${lost.name} does not answer ${BACK / 1000} s after its start`);
  } catch (error) {
    problems.push(`${lost?.name ?? 'the host'} was not started again: ${messageOf(error)}; run \`coreup up\``);
  }
  return { ok: false, seconds: spent() };
}

/** Passes what a provider says on to the person. */
export const noteTo =
  (reporter: Reporter) =>
  (note: string, member?: string): void => {
    if (member === undefined) reporter.info(note);
    else reporter.member(member, note);
  };
