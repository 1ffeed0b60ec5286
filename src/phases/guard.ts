import { etcdDirectories, wantsEtcd } from '../plan/adapt.js';
import { etcdRefusal } from '../plan/adapt-etcd.js';
import { trustsAnother } from '../plan/authority.js';
import { fleetRefusal } from '../plan/adapt-fleet.js';
import { misplaced } from '../cluster/addresses.js';
import { obstacles } from '../plan/obstacles.js';
import type { ListedMember } from '../etcd/client.js';
import { isListedAs } from '../etcd/verify.js';
import type { State, StateDirectory } from '../state/state.js';
import { CoreupError } from '../util/errors.js';
import { etcdClient, etcdHosts } from './etcd-host.js';
import { MembersFailedError, type MemberFailure } from './failures.js';
import { foreignRefusal } from './foreign.js';
import type { EtcdHost, HostRun, UpRun } from './run.js';
import type { Phase } from './runner.js';

/**
 * Refuses, before the first change, what would harm: hosts that cannot run the cluster, hosts that belong to another
 * one, and above all a member that would start a second cluster beside an existing one. Changes nothing itself.
 */
export const guard: Phase<UpRun> = {
  title: 'Checking that it is safe',
  async run(run) {
    const placed = run.hosts.map(({ name, member, observation }) => ({
      ...member,
      name,
      network: observation.network,
    }));
    const refused = (await Promise.all(run.hosts.map((host) => refusals(host, run)))).flat();
    const unfit = [...refused, ...misplaced(placed)];
    if (unfit.length > 0) throw new MembersFailedError('no host was changed, since these are not fit', unfit);
    await guardData(run);
  },
};

async function refusals(host: HostRun, { cluster, adopt = false }: UpRun): Promise<MemberFailure[]> {
  const { observation } = host;
  const refuse = (message: string, hint: string): MemberFailure[] => [{ member: host.name, message, hint }];
  if (!observation.systemd) {
    const os = [observation.os.id, observation.os.version].filter((part) => part !== '').join(' ');
    return refuse(
      `is not run by systemd${os === '' ? '' : ` (${os})`}`,
      'coreup needs Linux with systemd as init; Debian 12 and 13 are tested.',
    );
  }
  const { lacks = [] } = observation;
  if (lacks.length > 0) {
    return refuse(
      `lacks programs that coreup needs there: ${lacks.join(', ')}`,
      'Install GNU coreutils, grep and the C library’s tools.',
    );
  }
  const inTheWay = obstacles(host.desired, observation);
  if (inTheWay.length > 0) {
    return refuse(`has something in the way: ${inTheWay.join('; ')}`, 'Move it away there, or choose another path.');
  }
  const foreign = adopt ? undefined : await foreignRefusal(host, cluster.name);
  if (foreign) return [foreign];
  const noFleet = fleetRefusal(host.fleet, observation);
  if (noFleet) return refuse(noFleet.message, noFleet.hint);
  if (trustsAnother(host.desired, observation)) {
    return refuse(
      "trusts a certificate authority that is not this project's: with other certificates it would leave its cluster",
      'Take .coreup/pki from the machine that set the cluster up, or from a copy.',
    );
  }
  const noEtcd = wantsEtcd(host.desired) ? etcdRefusal(host.etcd, observation) : undefined;
  return noEtcd ? refuse(noEtcd.message, noEtcd.hint) : [];
}

/**
 * Refuses other members than those of the cluster that was founded, from what is remembered alone: before anything is made
 * or booted for members that it cannot take.
 *
 * @throws CoreupError MEMBERSHIP_CHANGE
 */
export async function guardFounded(state: StateDirectory, hosts: readonly HostRun[]): Promise<void> {
  const { bootstrap } = await state.load();
  if (bootstrap?.phase === 'done') guardMembership(bootstrap, etcdHosts(hosts));
}

/** Never lets a member without data bootstrap while others have data, unless etcd itself still waits for it. */
async function guardData(run: UpRun): Promise<void> {
  // A host that is shut down is taken to have its data; whether it does shows when it is started.
  const members = etcdHosts([...run.hosts, ...(run.asleep ?? [])]);
  const { bootstrap } = await run.state.load();
  const empty = members.filter(({ host }) => host.observed && !hasData(host));
  if (empty.length === members.length) {
    if (bootstrap?.phase === 'done') throw lostEverything(members);
  } else {
    guardMembership(bootstrap, members);
    if (empty.length > 0) await guardMissingData(bootstrap, members, empty);
  }
  run.founding = bootstrap?.phase !== 'done';
}

/** Whether a host was seen to have data of the etcd that it is to run. */
export function hasData(host: HostRun): boolean {
  const [dataDir] = etcdDirectories(host.desired);
  return dataDir !== undefined && host.observation.data.includes(dataDir);
}

function guardMembership(bootstrap: State['bootstrap'], members: readonly EtcdHost[]): void {
  if (!bootstrap) return;
  const names = members.map((member) => member.name);
  if ([...names].sort().join() === [...bootstrap.members].sort().join()) return;
  throw new CoreupError(
    `the etcd cluster consists of ${bootstrap.members.join(', ')}; config.ts asks for ${names.join(', ')}`,
    {
      code: 'MEMBERSHIP_CHANGE',
      hint: 'Adding and removing members of a living cluster is not built yet. Set the members back, or `coreup destroy` and start anew.',
    },
  );
}

async function guardMissingData(
  bootstrap: State['bootstrap'],
  members: readonly EtcdHost[],
  empty: readonly EtcdHost[],
): Promise<void> {
  const listed = bootstrap
    ? await memberList(members.filter((member) => member.host.observed && !empty.includes(member)))
    : undefined;
  const lost = empty.filter(({ expected }) => {
    const entry = listed?.find((member) => isListedAs(expected, member));
    // An `up` that was interrupted before the cluster was ever whole simply goes on; but a member that has told etcd its
    // client URLs has run, and had data.
    if (bootstrap?.phase === 'started') return entry !== undefined && entry.clientUrls.length > 0;
    return entry?.name !== '';
  });
  if (lost.length === 0) return;
  throw new MembersFailedError(
    'no host was changed, since these would start a second cluster',
    lost.map(({ name }) => ({
      member: name,
      message: 'has no etcd data, while other members have',
      hint: 'etcd still counts it as a member that has data. Bring its data directory back; replacing a member is not built yet.',
    })),
  );
}

/** Milliseconds; a member that waits for its first quorum takes questions and does not answer them. */
const ASK_TIMEOUT = 2000;

/** etcd's member list as any running member knows it; undefined where none answers. */
async function memberList(members: readonly EtcdHost[]): Promise<readonly ListedMember[] | undefined> {
  const lists = await Promise.allSettled(members.map(({ host }) => etcdClient(host, ASK_TIMEOUT).members()));
  return lists.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))[0];
}

function lostEverything(members: readonly EtcdHost[]): MembersFailedError {
  return new MembersFailedError(
    'no host was changed, since the cluster was healthy once and its data is gone from every member',
    members.map(({ name }) => ({
      member: name,
      message: 'has no etcd data any more',
      hint: 'Restore the data directories, or start anew with `coreup destroy` and `coreup up`.',
    })),
  );
}
