import { posix } from 'node:path';
import type { ListedMember } from '../etcd/client.js';
import { isListedAs } from '../etcd/verify.js';
import type { Scheme } from '../etcd/transport.js';
import { etcdDirectories, wantsEtcd } from '../plan/adapt.js';
import { CoreupError } from '../util/errors.js';
import { sh } from '../util/shell.js';
import { apply, applyHost, finish } from './apply.js';
import type { ShownStep } from './contents.js';
import { etcdHosts } from './etcd-host.js';
import { onAll } from './failures.js';
import type { Foresight } from './foresee.js';
import { guard } from './guard.js';
import { observe } from './observe.js';
import { plan } from './plan.js';
import { guardQuorum } from './quorum.js';
import { runAsRoot } from './remote.js';
import type { EtcdHost, HostGoal, HostRun, UpRun } from './run.js';
import { runPhases, type Phase } from './runner.js';
import { verifyOthers } from './verify-others.js';
import { verify } from './verify.js';
import { waitForMember } from './wait.js';

/** What hosts are to become on the way from one transport to the other, by name. */
export interface TransportGoals {
  /** Clients are served both ways, peers the old way. */
  readonly opened: ReadonlyMap<string, HostGoal>;
  /** Clients are served both ways, peers the new way. */
  readonly moved: ReadonlyMap<string, HostGoal>;
  readonly last: ReadonlyMap<string, HostGoal>;
}

export interface TransportChange {
  readonly to: Scheme;
  /** @param run with its hosts looked at */
  readonly goals: (run: UpRun) => TransportGoals;
}

/**
 * Leads a running cluster from plain http to TLS, or back, without losing its quorum: everybody is served both ways first;
 * then each member in turn tells the others its new peer URL and restarts with it. What is left for the rest of `up` is to
 * close the old way. Where it has come to is read from etcd's member list and from the hosts, so an interrupted change goes
 * on (a member that has restarted before its URL was changed reports itself healthy while its peers refuse it).
 *
 * @returns a phase that does nothing where no cluster has been founded yet; after it hosts have to be looked at again
 */
export function changeTransport({ to, goals }: TransportChange): Phase<UpRun> {
  return {
    title: to === 'https' ? 'Turning TLS on' : 'Turning TLS off',
    skip: ({ hosts }) => etcdHosts(hosts).every(({ host }) => host.observation.data.length === 0),
    async run(run) {
      const { bootstrap } = await run.state.load();
      if (bootstrap?.phase !== 'done') throw unfinished(to);
      // Everything is looked at again for each part of it.
      await run.locks.take(run);
      const { opened, moved, last } = goals(run);
      // What is remembered must stay what it was until the end.
      const stage: UpRun = { ...run, tls: bootstrap.tls === true, changing: true };
      await run.state.update((state) => ({ ...state, bootstrap: { ...bootstrap, changing: true } }));
      become(run.hosts, opened);
      const titles = titlesOf(to);
      if (!(await isMoving(run, to))) {
        run.reporter.info(titles.opened);
        await runPhases([observe, plan, guard, guardQuorum, apply, verify, verifyOthers, finish], stage);
      }
      run.reporter.info(titles.moved);
      await movePeers(stage, moved, to);
      await forgetPeers(run.hosts);
      run.reporter.info(titles.last);
      become(run.hosts, last);
    },
  };
}

/**
 * The rolls that `changeTransport` would go through, for hosts that have been looked at. Asks etcd for its member list, and
 * changes nothing.
 */
export async function foreseeTransport(
  { to, goals }: TransportChange,
  run: UpRun,
  foresight: Foresight,
): Promise<void> {
  const { opened, moved, last } = goals(run);
  const titles = titlesOf(to);
  if (!(await isMoving(run, to))) await foresight.roll(titles.opened, opened);
  const members = etcdHosts(run.hosts);
  const listed = await listedBy(members);
  const found = members.map(({ name, expected }) => {
    const entry = entryOf(listed, expected);
    return { name, told: entry !== undefined && progress(entry, to).told, restarts: true };
  });
  const proxies = proxiesOf(run.hosts);
  await foresight.roll(titles.moved, moved, {
    members: moveOrder(found).map(({ name }) => name),
    stage: 'apply',
    before: new Map(found.filter(({ told }) => !told).map(({ name }) => [name, [tellStep(name, to)]])),
  });
  await foresight.roll(titles.last, last, {
    before: new Map(proxies.map((proxy) => [proxy.name, [forgetStep(proxy)]])),
  });
}

function titlesOf(to: Scheme): Readonly<Record<keyof TransportGoals, string>> {
  return {
    opened: '1 of 3: clients are served over http and https',
    moved: `2 of 3: members speak ${to} to each other`,
    last: `3 of 3: ${to === 'https' ? 'http' : 'https'} is closed`,
  };
}

/** Whether peers have begun to move: then clients are served both ways already. */
async function isMoving({ hosts }: UpRun, to: Scheme): Promise<boolean> {
  return (await listedBy(etcdHosts(hosts))).some((entry) => progress(entry, to).told);
}

function entryOf(listed: readonly ListedMember[], expected: EtcdHost['expected']): ListedMember | undefined {
  return listed.find((one) => isListedAs(expected, one) || one.name === expected.name);
}

function tellStep(member: string, to: Scheme): ShownStep {
  return { kind: 'peer-urls', target: member, reason: `etcd is told that its peers reach it over ${to}` };
}

function forgetStep(proxy: HostRun): ShownStep {
  return {
    kind: 'file-remove',
    target: proxyFile(proxy),
    reason: 'a proxy that restarts would ask members where they were',
  };
}

/** One member after the other; those first that were left half-way, since their peers may not reach them. */
async function movePeers(run: UpRun, moved: ReadonlyMap<string, HostGoal>, to: Scheme): Promise<void> {
  const all = etcdHosts(run.hosts);
  const voters = all.map(({ host }) => host);
  become(voters, moved);
  const part: UpRun = { ...run, hosts: voters };
  await runPhases([observe, plan, guard], part);
  const members = etcdHosts(voters);
  const listed = await listedBy(members);
  const found = members.map((member) => {
    const entry = entryOf(listed, member.expected);
    if (!entry) throw notListed(member.name);
    return { member, entry, ...progress(entry, to), restarts: member.host.plan.apply.length > 0 };
  });
  for (const { member, entry, told } of moveOrder(found)) {
    const others = members.filter((other) => other !== member);
    await onAll(`nothing was changed on ${member.name}, since these are not healthy`, others, run.reporter, (other) =>
      waitForMember(other, run),
    );
    await onAll('the change stopped at', [member], run.reporter, async () => {
      if (!told) {
        await tell(entry, others[0] ?? member, to);
        member.host.changes++;
      }
      if (member.host.plan.apply.length > 0) await applyHost(member.host, run);
      await waitForMember(member, run);
      run.reporter.member(member.name, `its peers reach it over ${to}`, 'done');
    });
  }
}

/** How far a member has come: whether its peers have been told its new URL. */
function progress({ peerUrls }: ListedMember, to: Scheme): { readonly told: boolean } {
  return { told: peerUrls.every((url) => url.startsWith(`${to}:`)) };
}

/**
 * Who still has to move: those first that were left half-way, told and not restarted, since their peers may not reach them.
 * Pure.
 */
export function moveOrder<T extends { readonly told: boolean; readonly restarts: boolean }>(
  members: readonly T[],
): readonly T[] {
  const due = members.filter(({ told, restarts }) => !told || restarts);
  return [...due.filter(({ told }) => told), ...due.filter(({ told }) => !told)];
}

/** Makes the others use the new peer URL of a member, and looks whether they do. */
async function tell(entry: ListedMember, through: EtcdHost, to: Scheme): Promise<void> {
  const urls = entry.peerUrls.map((url) => url.replace(/^https?:/, `${to}:`));
  await through.client.updatePeerUrls(entry.id, urls);
  const now = (await through.client.members()).find(({ id }) => id === entry.id);
  if (now?.peerUrls.every((url) => urls.includes(url))) return;
  throw new CoreupError(`etcd still lists it at ${now?.peerUrls.join(',') ?? 'no URL'}, not at ${urls.join(',')}`, {
    code: 'TLS_MEMBER_UPDATE',
    hint: 'Run `coreup up` again.',
  });
}

/** A proxy that restarts asks the members whose URLs it has written down last: they are old ones now. */
async function forgetPeers(hosts: readonly HostRun[]): Promise<void> {
  await Promise.all(
    proxiesOf(hosts).map(async (proxy) => {
      await runAsRoot(proxy.connection, 'forgetting old peers', sh`rm -f -- ${proxyFile(proxy)}`, { timeout: 10_000 });
      proxy.changes++;
    }),
  );
}

function proxiesOf(hosts: readonly HostRun[]): readonly HostRun[] {
  return hosts.filter(({ member: { role }, desired }) => role === 'worker' && wantsEtcd(desired));
}

function proxyFile({ desired }: HostRun): string {
  const [directory = '/'] = etcdDirectories(desired);
  return posix.join(directory, 'proxy', 'cluster');
}

function become(hosts: readonly HostRun[], goals: ReadonlyMap<string, HostGoal>): void {
  for (const host of hosts) {
    const goal = goals.get(host.name);
    if (goal) host.become(goal);
  }
}

/** @throws CoreupError where no member tells who the members are */
async function listedBy(members: readonly EtcdHost[]): Promise<readonly ListedMember[]> {
  try {
    return await Promise.any(members.map(({ client }) => client.members()));
  } catch (error) {
    throw new CoreupError('no etcd member tells who the members are, so TLS cannot be changed now', {
      code: 'NO_MEMBER_ANSWERS',
      hint: '`coreup status` says what is wrong. Set etcd.tls back to what the cluster speaks, run `coreup up`, and change it then.',
      cause: error,
    });
  }
}

function unfinished(to: Scheme): CoreupError {
  return new CoreupError('TLS cannot be changed while the cluster has never been whole', {
    code: 'TLS_UNFINISHED',
    hint: `Set etcd.tls to ${String(to !== 'https')} and run \`coreup up\`, then change it; or \`coreup destroy\` and start anew.`,
  });
}

function notListed(member: string): CoreupError {
  return new CoreupError(`${member} is not in etcd's member list`, { code: 'TLS_MEMBER_UPDATE', member });
}
