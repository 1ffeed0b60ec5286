import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { MemberStatus } from '../etcd/client.js';
import { compareMembership, compareStatuses } from '../etcd/verify.js';
import { orAbort } from '../ssh/abort.js';
import { quorum } from '../plan/quorum.js';
import { CoreupError, messageOf } from '../util/errors.js';
import { etcdHosts } from './etcd-host.js';
import { MembersFailedError, onAll } from './failures.js';
import type { EtcdHost, UpRun } from './run.js';
import type { Phase } from './runner.js';
import { PATIENCE, waitForMember } from './wait.js';

/**
 * Proves the cluster: every member is ready and in the member list with the right name and URLs, all agree on cluster
 * ID and leader, and every member serves a linearizable read. After a change, a value written through one member is
 * read through another.
 */
export const verify: Phase<UpRun> = {
  title: 'Verifying the cluster',
  async run(run) {
    const members = etcdHosts(run.hosts);
    if (members.length === 0) return;
    const statuses = await waitForAll(members, run);

    const changed = run.hosts.some((host) => host.plan.apply.length > 0);
    if (changed) {
      await agree(members, await askAll(members), run);
      await compareClusterId(run, statuses);
      await writeAndRead(members, run);
    } else {
      await inParallel(agree(members, { statuses, silent: new Map() }, run), readEverywhere(members, run));
      await compareClusterId(run, statuses);
    }
    await rememberCluster(run, members, statuses);
    for (const member of members) run.reporter.member(member.name, describe(statuses.get(member.name)), 'done');
  },
};

async function waitForAll(members: readonly EtcdHost[], run: UpRun): Promise<ReadonlyMap<string, MemberStatus>> {
  const hopeless = new AbortController();
  let failed = 0;
  const entries = await onAll('etcd is not healthy on', members, run.reporter, async (member) => {
    try {
      return [member.name, await waitForMember(member, run, hopeless.signal)] as const;
    } catch (error) {
      failed++;
      if (failed > members.length - quorum(members.length)) hopeless.abort();
      throw error;
    }
  });
  return new Map(entries);
}

/** What members say of themselves, and why some say nothing, by name. */
interface Answers {
  readonly statuses: ReadonlyMap<string, MemberStatus>;
  readonly silent: ReadonlyMap<string, string>;
}

/**
 * Waits until all members tell the same story of the cluster, and the right one.
 *
 * @param answers what each has said of itself just now
 * @throws MembersFailedError with what is wrong with whom
 */
async function agree(members: readonly EtcdHost[], answers: Answers, run: UpRun): Promise<void> {
  const { signal, patience = PATIENCE } = run;
  const deadline = performance.now() + patience.agree;
  for (let latest = answers; ; latest = await orAbort(askAll(members), signal)) {
    const problems = await orAbort(disagreements(members, latest), signal);
    if (problems.size === 0) return;
    if (performance.now() > deadline) {
      throw new MembersFailedError(
        'the cluster is not as it should be',
        [...problems].map(([member, message]) => ({ member, message })),
      );
    }
    await orAbort(delay(AGREE_PAUSE), signal);
  }
}

const AGREE_PAUSE = 100;

async function askAll(members: readonly EtcdHost[]): Promise<Answers> {
  const statuses = new Map<string, MemberStatus>();
  const silent = new Map<string, string>();
  const answers = await Promise.allSettled(members.map((member) => member.client.status()));
  members.forEach(({ name }, index) => {
    const answer = answers[index];
    if (answer?.status === 'fulfilled') statuses.set(name, answer.value);
    else silent.set(name, messageOf(answer?.reason));
  });
  return { statuses, silent };
}

/** @returns one sentence per member that is not as it should be, by name */
async function disagreements(
  members: readonly EtcdHost[],
  { statuses, silent }: Answers,
): Promise<ReadonlyMap<string, string>> {
  const problems = new Map([...compareStatuses(statuses), ...silent]);
  const [teller] = members.filter(({ name }) => statuses.has(name));
  if (!teller) return problems;
  try {
    const listed = await teller.client.members();
    const expected = members.map((member) => member.expected);
    return new Map([...compareMembership(expected, listed), ...problems]);
  } catch (error) {
    return new Map([[teller.name, `does not tell who the members are: ${messageOf(error)}`], ...problems]);
  }
}

/** Lets all of them end before the first failure, in the order given, is thrown. */
async function inParallel(...works: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(works)).find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}

/** A cluster that was verified once must not have become another one. */
async function compareClusterId(run: UpRun, statuses: ReadonlyMap<string, MemberStatus>): Promise<void> {
  const known = (await run.state.load()).bootstrap?.clusterId;
  const found = [...statuses.values()][0]?.clusterId;
  if (known === undefined || found === undefined || known === found) return;
  throw new CoreupError(`these hosts are in etcd cluster ${found}; this project's cluster is ${known}`, {
    code: 'CLUSTER_ID_CHANGED',
    hint: 'Somebody has started a new cluster on these hosts. Compare the data before you go on.',
  });
}

async function writeAndRead(members: readonly EtcdHost[], { reporter }: UpRun): Promise<void> {
  const writers = members.slice(0, 1);
  const readers = members.slice(-1);
  const key = `/coreup/verify/${randomUUID()}`;
  await onAll('this member does not take writes', writers, reporter, ({ client }) => client.put(key, key));
  try {
    await onAll('the cluster is not as it should be', readers, reporter, async ({ client }) => {
      if ((await client.get(key)) === key) return;
      throw new CoreupError(`does not return what was written through ${writers[0]?.name}`, { code: 'ETCD_READ' });
    });
  } finally {
    // One small key that stays behind is no reason to call a cluster unhealthy.
    await writers[0]?.client.delete(key).catch((error: unknown) => {
      reporter.debug(`the key ${key} stays: ${messageOf(error)}`);
    });
  }
}

async function readEverywhere(members: readonly EtcdHost[], run: UpRun): Promise<void> {
  await onAll('these members do not serve reads', members, run.reporter, async (member) => {
    await member.client.get('/coreup/verify');
  });
}

async function rememberCluster(
  run: UpRun,
  members: readonly EtcdHost[],
  statuses: ReadonlyMap<string, MemberStatus>,
): Promise<void> {
  const clusterId = [...statuses.values()][0]?.clusterId;
  await run.state.update((state) => ({
    ...state,
    bootstrap: {
      phase: 'done',
      members: members.map((member) => member.name),
      ...(run.tls && { tls: true }),
      ...(run.changing && { changing: true }),
      ...(clusterId === undefined ? {} : { clusterId }),
    },
  }));
}

function describe(status: MemberStatus | undefined): string {
  if (!status) return '';
  return `healthy, etcd ${status.version}${status.leader === status.memberId ? ', leader' : ''}`;
}
