import type { Alarm, ListedMember, MemberCondition } from '../etcd/client.js';
import type { ExpectedMember } from '../etcd/verify.js';
import type { EtcdHost } from '../phases/run.js';
import { messageOf } from '../util/errors.js';

/** An etcd member as it answers for itself. */
export interface MemberView {
  readonly name: string;
  readonly expected: ExpectedMember;
  readonly condition?: MemberCondition;
  /** Why it does not answer. */
  readonly silent?: string;
  /** Why it cannot read what needs the agreement of the others. */
  readonly alone?: string;
}

/** The cluster as its members tell of it. */
export interface ClusterView {
  readonly members: readonly MemberView[];
  /** The member list as each one that answers knows it. */
  readonly lists: readonly { readonly by: string; readonly listed: readonly ListedMember[] }[];
  readonly alarms: readonly Alarm[];
}

/** Asks every member. Never fails: a member that does not answer is one of the things to learn. */
export async function lookAtCluster(members: readonly EtcdHost[]): Promise<ClusterView> {
  const answers = await Promise.all(members.map(askMember));
  return {
    members: answers.map(({ view }) => view),
    lists: answers.flatMap(({ view, listed }) => (listed ? [{ by: view.name, listed }] : [])),
    alarms: answers.find(({ alarms }) => alarms !== undefined)?.alarms ?? [],
  };
}

interface Answers {
  readonly view: MemberView;
  readonly listed?: readonly ListedMember[] | undefined;
  readonly alarms?: readonly Alarm[] | undefined;
}

async function askMember({ name, client, expected }: EtcdHost): Promise<Answers> {
  let condition: MemberCondition;
  try {
    condition = await client.condition();
  } catch (error) {
    return { view: { name, expected, silent: messageOf(error) } };
  }
  const [read, listed, alarms] = await Promise.all([
    client.get('/coreup/verify').then(
      () => undefined,
      (error: unknown) => messageOf(error),
    ),
    client.members().catch(() => undefined),
    client.alarms().catch(() => undefined),
  ]);
  return { view: { name, expected, condition, ...(read === undefined ? {} : { alone: read }) }, listed, alarms };
}
