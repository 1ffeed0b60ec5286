import { compareMembership, compareStatuses, isListedAs } from '../etcd/verify.js';
import { DEFAULT_QUOTA, megabytes } from './checks-host.js';
import { CLUSTER, error, warning, type Finding } from './finding.js';
import type { HostView } from './host-view.js';
import type { ClusterView, MemberView } from './look-at-cluster.js';

type ClusterCheck = (cluster: ClusterView, hosts: readonly HostView[]) => readonly Finding[];

/** What is wrong with the etcd cluster, as its members tell of it. Pure. */
export function checkCluster(cluster: ClusterView, hosts: readonly HostView[]): readonly Finding[] {
  return CHECKS.flatMap((check) => check(cluster, hosts));
}

const told = ({ members }: ClusterView): readonly (MemberView & Required<Pick<MemberView, 'condition'>>)[] =>
  members.flatMap(({ condition, ...member }) => (condition ? [{ ...member, condition }] : []));

/** A member whose unit runs, or seems to: that it does not run is told of already. */
const silent: ClusterCheck = ({ members }, hosts) =>
  members.flatMap(({ name, silent: reason }) => {
    const unit = hosts.find((host) => host.name === name)?.facts?.units.get('etcd2.service');
    if (reason === undefined || unit?.active !== 'active') return [];
    return [
      error('etcd-answers', name, `runs etcd, which does not answer: ${reason}`, `See why: coreup logs ${name} etcd2`),
    ];
  });

const clusterIds: ClusterCheck = (cluster) => {
  const groups = new Map<string, string[]>();
  for (const { name, condition } of told(cluster)) {
    groups.set(condition.clusterId, [...(groups.get(condition.clusterId) ?? []), name]);
  }
  if (groups.size < 2) return [];
  const parts = [...groups].sort(([, a], [, b]) => b.length - a.length);
  const what = `has members in different etcd clusters: ${parts.map(([id, names]) => `${names.join(', ')} in ${id}`).join('; ')}`;
  const strangers = parts.slice(1).flatMap(([, names]) => names);
  const advice = `Decide whose data counts. On the others (${strangers.join(', ')}, if it is the larger part): stop etcd2 and move its data directory away; nothing else makes them join.`;
  return [error('cluster-id', CLUSTER, what, advice)];
};

const leader: ClusterCheck = (cluster) => {
  const members = told(cluster);
  if (members.length === 0) return [];
  const without = members.filter(({ condition }) => condition.leader === undefined);
  if (without.length === members.length) {
    const quorum = Math.floor(cluster.members.length / 2) + 1;
    const what = `has no leader: ${members.length} of ${cluster.members.length} members answer, and ${quorum} that reach each other are needed`;
    return [error('leader', CLUSTER, what, 'Bring the others back: see their findings, then `coreup up`.')];
  }
  const disagree = [...compareStatuses(new Map(members.map(({ name, condition }) => [name, condition])))];
  return disagree
    .filter(([, sentence]) => !sentence.startsWith('is in cluster'))
    .map(([name, sentence]) =>
      error('leader', name, sentence, `See whether it reaches the others: coreup logs ${name} etcd2`),
    );
};

const reads: ClusterCheck = (cluster) =>
  told(cluster).flatMap(({ name, alone, condition }) =>
    alone === undefined || condition.leader === undefined
      ? []
      : [
          error(
            'quorum-read',
            name,
            `cannot read with the agreement of the others: ${alone}`,
            `See why: coreup logs ${name} etcd2`,
          ),
        ],
  );

/** Who should be a member, and who is. */
const membership: ClusterCheck = ({ members, lists }) => {
  const [list] = lists;
  if (!list) return [];
  const expected = members.map((member) => member.expected);
  const never = list.listed.filter((one) => one.name === '' && one.clientUrls.length === 0);
  const problems = compareMembership(expected, list.listed);
  return [...problems].map(([name, sentence]) => {
    const entry = never.find(
      (one) => one.id === name || expected.some((want) => want.name === name && isListedAs(want, one)),
    );
    const known = members.some((member) => member.name === name || member.expected.name === name);
    if (!known) {
      const id = list.listed.find((one) => one.name === name || one.id === name)?.id ?? name;
      const advice = `Add it to config.ts; or, if it is gone for good: coreup etcdctl -- member remove ${id}`;
      return error(entry ? 'never-started' : 'member-unknown', name, sentence, advice);
    }
    const advice = entry
      ? `Start it: coreup up. See why it has not: coreup logs ${name} etcd2`
      : 'See `coreup etcdctl -- member list`, and bring config.ts and etcd together.';
    return error(entry ? 'never-started' : 'member-list', name, sentence, advice);
  });
};

const ALARMS: Readonly<Record<string, string>> = {
  NOSPACE:
    'No writes are taken any more. Make room (`coreup etcdctl -- compact REVISION`, then `coreup etcdctl -- defrag`) or ' +
    'raise `quota-backend-bytes` under coreos.etcd2 in the user-data; then: coreup etcdctl -- alarm disarm',
  CORRUPT:
    'Its data differs from that of the others. Stop it, move its data directory away, and replace the member; do not take its word for anything.',
};

const alarms: ClusterCheck = (cluster) =>
  cluster.alarms.map(({ memberId, alarm }) => {
    const name = told(cluster).find(({ condition }) => condition.memberId === memberId)?.name ?? memberId;
    const advice = ALARMS[alarm] ?? 'See `coreup etcdctl -- alarm list`.';
    return error('alarm', name, `has raised the alarm ${alarm}`, advice);
  });

/** Of the quota, from which on a person should know. */
const NEAR = 0.8;

const database: ClusterCheck = (cluster, hosts) =>
  told(cluster).flatMap(({ name, condition: { dbSize } }) => {
    const quota = hosts.find((host) => host.name === name)?.facts?.quota ?? DEFAULT_QUOTA;
    if (dbSize < NEAR * quota) return [];
    const what = `has a database of ${megabytes(dbSize)}, and its quota is ${megabytes(quota)}: beyond it etcd takes no writes`;
    const advice =
      'Make room: `coreup etcdctl -- compact REVISION`, then `coreup etcdctl -- defrag`; or raise `quota-backend-bytes` under coreos.etcd2 in the user-data.';
    return [warning('db-size', name, what, advice)];
  });

const versions: ClusterCheck = (cluster) => {
  const groups = new Map<string, string[]>();
  for (const { name, condition } of told(cluster)) {
    groups.set(condition.version, [...(groups.get(condition.version) ?? []), name]);
  }
  if (groups.size < 2) return [];
  const what = `runs different versions of etcd: ${[...groups].map(([version, names]) => `${version} on ${names.join(', ')}`).join('; ')}`;
  const advice =
    'Fine in the middle of an upgrade; otherwise give all hosts the same one. Until then etcd behaves like the oldest.';
  return [warning('versions', CLUSTER, what, advice)];
};

/** A member refuses writes where it has so many entries to apply (etcd, maxGapBetweenApplyAndCommitIndex). */
const GAP = 5000;

const lag: ClusterCheck = (cluster) => {
  const members = told(cluster);
  const newest = Math.max(0, ...members.map(({ condition }) => condition.raftIndex));
  return members.flatMap(({ name, condition: { raftIndex, appliedIndex } }) => {
    const behind = Math.max(newest - raftIndex, raftIndex - appliedIndex);
    if (behind < GAP) return [];
    const what = `is ${behind} entries behind`;
    return [warning('raft-lag', name, what, `See its disk and its network: coreup logs ${name} etcd2`)];
  });
};

const CHECKS: readonly ClusterCheck[] = [
  silent,
  clusterIds,
  leader,
  reads,
  membership,
  alarms,
  database,
  versions,
  lag,
];
