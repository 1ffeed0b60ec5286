import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { MemberStatus } from '../etcd/client.js';
import { compareMembership, compareStatuses } from '../etcd/verify.js';
import { CoreupError, InterruptedError } from '../util/errors.js';
import { etcdHosts } from './etcd-host.js';
import { MembersFailedError, onAll } from './failures.js';
import type { EtcdHost, UpRun } from './run.js';
import type { Phase } from './runner.js';
import { waitForMember } from './wait.js';

/**
 * Proves the cluster: every member is ready and in the member list with the right name and URLs, all agree on cluster
 * ID and leader, and every member serves a linearizable read. After a change, a value written through one member is
 * read through another.
 */
export const verify: Phase<UpRun> = {
  title: 'Verifying the cluster',
  async run(run) {
    const members = etcdHosts(run.hosts);
    const statuses = await waitForAll(members, run);
    const [first] = members;
    if (!first) return;

    const changed = run.hosts.some((host) => host.plan.apply.length > 0);
    if (changed) {
      await agree(members, await statusesOf(members), run.signal);
      await compareClusterId(run, statuses);
      await writeAndRead(members);
    } else {
      await inParallel(agree(members, statuses, run.signal), readEverywhere(members, run));
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

/** How long members that are ready may still disagree: the last ones to join have just made themselves known. */
const AGREE_DEADLINE = 10_000;

/**
 * Waits until all members tell the same story of the cluster, and the right one.
 *
 * @param statuses what each has said of itself just now
 */
async function agree(
  members: readonly EtcdHost[],
  statuses: ReadonlyMap<string, MemberStatus>,
  signal: AbortSignal,
): Promise<void> {
  const expected = members.map((member) => member.expected);
  const deadline = Date.now() + AGREE_DEADLINE;
  for (let latest = statuses; ; latest = await statusesOf(members)) {
    const listed = (await members[0]?.client.members()) ?? [];
    const problems = new Map([...compareStatuses(latest), ...compareMembership(expected, listed)]);
    if (problems.size === 0) return;
    if (signal.aborted) throw new InterruptedError();
    if (Date.now() > deadline) {
      throw new MembersFailedError(
        'the cluster is not as it should be',
        [...problems].map(([member, message]) => ({ member, message })),
      );
    }
    await delay(100);
  }
}

async function statusesOf(members: readonly EtcdHost[]): Promise<ReadonlyMap<string, MemberStatus>> {
  return new Map(await Promise.all(members.map(async (member) => [member.name, await member.client.status()] as const)));
}

/** Lets all of them end before the first failure, in the order given, is thrown. */
async function inParallel(...works: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(works)).find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}

/** Half of the members, rounded down, plus one (etcd FAQ, "What is failure tolerance?"). */
export function quorum(members: number): number {
  return Math.floor(members / 2) + 1;
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

async function writeAndRead(members: readonly EtcdHost[]): Promise<void> {
  const writer = members[0];
  const reader = members.at(-1);
  if (!writer || !reader) return;
  const key = `/coreup/verify/${randomUUID()}`;
  await writer.client.put(key, key);
  try {
    const value = await reader.client.get(key);
    if (value !== key) {
      throw new MembersFailedError('the cluster is not as it should be', [
        { member: reader.name, message: `does not return what was written through ${writer.name}` },
      ]);
    }
  } finally {
    await writer.client.delete(key);
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
      ...(clusterId === undefined ? {} : { clusterId }),
    },
  }));
}

function describe(status: MemberStatus | undefined): string {
  if (!status) return '';
  return `healthy, etcd ${status.version}${status.leader === status.memberId ? ', leader' : ''}`;
}
