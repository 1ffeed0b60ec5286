import { checkBetween } from '../doctor/checks-between.js';
import { checkCertificates } from '../doctor/checks-certificates.js';
import { checkCluster } from '../doctor/checks-cluster.js';
import { checkHere } from '../doctor/checks-here.js';
import { checkHosts } from '../doctor/checks-host.js';
import { etcdWish } from '../doctor/etcd-wish.js';
import { CLUSTER, error, HERE, warning, type Finding } from '../doctor/finding.js';
import type { HostView } from '../doctor/host-view.js';
import { lookAtCluster } from '../doctor/look-at-cluster.js';
import { lookAtHost, type Target } from '../doctor/look-at-host.js';
import { lookHere } from '../doctor/look-here.js';
import { etcdHosts } from '../phases/etcd-host.js';
import type { HostRun } from '../phases/run.js';
import type { Reporter } from '../report/port.js';
import { CoreupError, InputError, messageOf } from '../util/errors.js';
import { endingSoon, listCerts, type CertsReport } from './certs.js';
import { desiredHosts, renderProject } from './desired.js';
import { withHosts, type Way } from './hosts.js';
import type { Project } from './project.js';
import { needsCertificates } from './transport.js';

/** Figures of one host; what could not be measured is null. Times in milliseconds. */
export interface HostFigures {
  readonly name: string;
  readonly address: string;
  readonly reached: boolean;
  readonly round_trip: number | null;
  /** How far its clock is before this machine's, give or take `bound`. */
  readonly clock: { readonly offset: number; readonly bound: number } | null;
  /** Bytes that are free where etcd's data is. */
  readonly disk_free: number | null;
  /** 99th percentile of small synchronous writes there. */
  readonly sync_p99: number | null;
  /** '' where its etcd does not answer. */
  readonly etcd: string;
}

export interface DoctorReport {
  readonly ok: boolean;
  readonly cluster: string;
  readonly hosts: readonly HostFigures[];
  /** Errors first. */
  readonly findings: readonly Finding[];
}

/** Milliseconds for a login: a host that takes longer is not well. */
const LOGIN = 6000;

/**
 * Looks at this machine, every host and the cluster, and says what is wrong and what to do. Takes no lock and changes
 * nothing. What cannot be looked at is a finding, too, and keeps nothing else from being looked at.
 */
export async function examine(project: Project, reporter: Reporter): Promise<DoctorReport> {
  return withHosts(project, async (way) => {
    const { runs, unfit } = wanted(project);
    const here = await reporter.phase('Looking at this machine', () =>
      lookHere(project, {
        problems: () => way.provider.check(project.cluster),
        usesSshConfig: project.config.provider.kind === 'ssh',
      }),
    );
    const hosts = await reporter.phase('Looking at the hosts', () => lookAtAll(project, way, runs, reporter));
    const members = etcdHosts([...runs.values()]);
    const cluster = await reporter.phase('Asking etcd', () => lookAtCluster(members));
    const findings = [
      ...checkHere(here),
      ...unfit,
      ...checkHosts(hosts),
      ...checkBetween(hosts, project.unplaced),
      ...checkCluster(cluster, hosts),
      ...checkCertificates(hosts, new Date()),
      ...(await kept(project)),
      ...(await recordsOf(project)),
    ];
    const versions = new Map(cluster.members.map(({ name, condition }) => [name, condition?.version ?? '']));
    return {
      ok: findings.every(({ severity }) => severity !== 'error'),
      cluster: project.cluster.name,
      hosts: hosts.map((host) => figures(host, way.provider.address(host.member), versions.get(host.name) ?? '')),
      findings: [...findings].sort((a, b) => rank(a) - rank(b)),
    };
  });
}

const rank = ({ severity }: Finding): number => (severity === 'error' ? 0 : 1);

/** What each host should be; where the user-data cannot be rendered, the hosts are looked at all the same. */
function wanted(project: Project): { readonly runs: ReadonlyMap<string, HostRun>; readonly unfit: readonly Finding[] } {
  try {
    return { runs: new Map(desiredHosts(project, renderProject(project)).map((run) => [run.name, run])), unfit: [] };
  } catch (reason) {
    if (!(reason instanceof InputError)) throw reason;
    const advice = reason.hint ?? 'Run `coreup validate`.';
    return { runs: new Map(), unfit: [error('user-data', CLUSTER, messageOf(reason), advice)] };
  }
}

async function lookAtAll(
  project: Project,
  { connect }: Way,
  runs: ReadonlyMap<string, HostRun>,
  reporter: Reporter,
): Promise<readonly HostView[]> {
  const targets = [...runs.values()].flatMap(targetsOf);
  return Promise.all(
    project.cluster.members.map(async (member) => {
      const run = runs.get(member.name);
      const peers = targets.filter(({ to, peer }) => to !== member.name && (!peer || member.role === 'etcd'));
      const view = await lookAtHost(
        {
          member,
          ...(run === undefined ? {} : { desired: run.desired }),
          connect: async () => {
            const connection = await connect(member, LOGIN);
            if (run) run.connection = connection;
            return connection;
          },
        },
        peers,
      );
      reporter.member(member.name, view.reached ? 'looked at' : 'not reached', view.reached ? 'done' : 'failed');
      return view;
    }),
  );
}

/** The ports that others must reach: those of members, at the addresses that they tell. */
function targetsOf({ name, member, desired }: HostRun): readonly (Target & { readonly peer: boolean })[] {
  const { etcd, advertised } = etcdWish(desired);
  if (!etcd || member.role !== 'etcd') return [];
  const reachable = (host: string): boolean => host !== 'localhost' && !host.startsWith('127.');
  return (['peer', 'client'] as const).flatMap((kind) =>
    advertised[kind]
      .filter(({ host }) => reachable(host))
      .map(({ host, port }) => ({ to: name, host, port, peer: kind === 'peer' })),
  );
}

/** Certificates that are kept here alone and end soon: the authority, and coreup's own. Those of members lie on their hosts. */
async function kept(project: Project): Promise<readonly Finding[]> {
  if (!needsCertificates(project.transport)) return [];
  const report = await listCerts(project).catch((problem: unknown) => problem);
  if (report instanceof Error) {
    // Before the first `up` there are none, and that is as it should be.
    if (report instanceof CoreupError && report.code === 'NO_CERTIFICATES') return [];
    return [error('certificate', HERE, report.message, report instanceof CoreupError ? (report.hint ?? '') : '')];
  }
  return keptFindings(report as CertsReport);
}

/** What is wrong with the certificates that are kept here alone. Pure. */
export function keptFindings(report: CertsReport): readonly Finding[] {
  const own = { ...report, certificates: report.certificates.filter(({ member }) => member === null) };
  return endingSoon(own).map(({ owner, what, ends, remedy }) =>
    owner === undefined
      ? warning('certificate', CLUSTER, `has a ${what} that ${ends}`, `${remedy}.`)
      : warning('certificate', HERE, `has a ${what} of coreup's own that ${ends}`, `${remedy}.`),
  );
}

/** What DNS discovery rests on. */
async function recordsOf(project: Project): Promise<readonly Finding[]> {
  if (project.config.discovery.mode !== 'dns' || project.unplaced.length > 0) return [];
  const { dnsCheck } = await import('./dns.js');
  try {
    const { members } = await dnsCheck(project);
    return members.flatMap(({ name, nameserver, problems }) =>
      // A host that was not reached is told of already.
      nameserver === ''
        ? []
        : problems.map(({ message, hint }) => error('dns', name, message, hint ?? 'See `coreup dns zone`.')),
    );
  } catch (reason) {
    if (!(reason instanceof CoreupError)) throw reason;
    return [error('dns', CLUSTER, messageOf(reason), reason.hint ?? 'See `coreup dns check`.')];
  }
}

function figures(
  { name, reached, roundTrip, clock, facts, sync }: HostView,
  address: string,
  etcd: string,
): HostFigures {
  const round = (value: number | undefined): number | null =>
    value === undefined ? null : Math.round(value * 10) / 10;
  return {
    name,
    address,
    reached,
    round_trip: round(roundTrip),
    clock: clock === undefined ? null : { offset: round(clock.offset) ?? 0, bound: round(clock.bound) ?? 0 },
    disk_free: facts?.disk?.free ?? null,
    sync_p99: round(sync?.p99),
    etcd,
  };
}
