import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { MemberStatus } from '../etcd/client.js';
import { compareMembership, compareStatuses, type ExpectedMember } from '../etcd/verify.js';
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

    await agree(members, run.signal);
    await compareClusterId(run, statuses);

    const changed = run.hosts.some((host) => host.plan.apply.length > 0);
    await (changed ? writeAndRead(members) : readEverywhere(members, run));
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

/** Waits until all members tell the same story of the cluster, and the right one. */
async function agree(members: readonly EtcdHost[], signal: AbortSignal): Promise<void> {
  const expected = members.map((member) => member.expected);
  const deadline = Date.now() + AGREE_DEADLINE;
  for (;;) {
    const problems = await disagreements(members, expected);
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

async function disagreements(
  members: readonly EtcdHost[],
  expected: readonly ExpectedMember[],
): Promise<ReadonlyMap<string, string>> {
  const [statuses, listed] = await Promise.all([
    Promise.all(members.map(async (member) => [member.name, await member.client.status()] as const)),
    members[0]?.client.members() ?? [],
  ]);
  return new Map([...compareStatuses(new Map(statuses)), ...compareMembership(expected, listed)]);
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
