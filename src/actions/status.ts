import type { ListedMember, MemberStatus } from '../etcd/client.js';
import { compareMembership, compareStatuses } from '../etcd/verify.js';
import type { FleetReport } from '../fleet/report.js';
import { clientAddress, etcdHosts } from '../phases/etcd-host.js';
import type { EtcdHost, HostRun } from '../phases/run.js';
import type { HostStatus } from '../providers/port.js';
import { orAbort, pause as wait } from '../ssh/abort.js';
import { CoreupError, messageOf } from '../util/errors.js';
import { speaking, TLS, usesTls } from '../etcd/transport.js';
import { expiring, listCerts } from './certs.js';
import { fleetStatus, type ReachedHost } from './fleet-status.js';
import { withHosts, type Way } from './hosts.js';
import { desiredHosts, renderProject } from './desired.js';
import type { Project } from './project.js';

/** One etcd member, as config.ts wants it and as etcd has it. */
export interface MemberReport {
  /** etcd's ID in hexadecimal; '' where no running member knows it. */
  readonly id: string;
  readonly name: string;
  readonly address: string;
  readonly host: HostStatus | 'unreachable';
  readonly peer_urls: readonly string[];
  readonly client_urls: readonly string[];
  readonly healthy: boolean;
  readonly leader: boolean;
  /** '' where the member does not answer. */
  readonly version: string;
  /** Why the member is not healthy. */
  readonly problem?: string;
}

export interface StatusReport {
  readonly cluster: string;
  readonly healthy: boolean;
  readonly etcd: {
    /** Name of the leader, '' while there is none. */
    readonly leader: string;
    readonly cluster_id: string;
    /** Whether clients and peers speak TLS with coreup's certificates. */
    readonly tls: boolean;
    /** Certificates that end soon, one sentence for each owner. */
    readonly expiring: readonly string[];
    readonly members: readonly MemberReport[];
  };
  /** null where there is no fleet. */
  readonly fleet: FleetReport | null;
}

interface Answer {
  readonly host: MemberReport['host'];
  readonly status?: MemberStatus;
  readonly problem?: string;
}

/** How long a host may take to answer before it counts as unreachable, in milliseconds. */
const DEADLINE = 4000;

/** Looks at the whole cluster without changing anything. Needs no lock. */
export function clusterStatus(project: Project): Promise<StatusReport> {
  return withHosts(project, (way) => look(project, way));
}

/**
 * Looks again and again, over connections that stay open, until it is interrupted.
 *
 * @param show is given every report
 * @param pause milliseconds between two looks
 * @throws InterruptedError in the end
 */
export function watchStatus(
  project: Project,
  show: (report: StatusReport) => void,
  { signal, pause = 2000 }: { readonly signal: AbortSignal; readonly pause?: number },
): Promise<never> {
  return withHosts(project, async (way) => {
    for (;;) {
      show(await orAbort(look(project, way), signal));
      await wait(pause, signal);
    }
  });
}

async function look(project: Project, { provider, connect }: Way): Promise<StatusReport> {
  const hosts = desiredHosts(project, renderProject(project));
  const power = await provider.status(project.cluster);
  const reached: ReachedHost[] = [];
  const reach = async (host: HostRun): Promise<HostRun['connection']> => {
    const connection = await connect(host.member, DEADLINE);
    reached.push({ name: host.name, connection });
    return connection;
  };
  const members = etcdHosts(hosts);
  const others = hosts.filter(({ name }) => !members.some((member) => member.name === name));
  const [answers] = await Promise.all([
    Promise.all(
      members.map(async (member) => {
        const state = power.get(member.name) ?? 'absent';
        const answer = state === 'running' ? await askMember(member, () => reach(member.host)) : { host: state };
        return [member.name, answer] as const;
      }),
    ),
    // Hosts outside etcd's cluster may run fleet; that they do not answer is nothing that etcd's health knows of.
    Promise.all(
      others.filter(({ name }) => power.get(name) === 'running').map((host) => reach(host).catch(() => undefined)),
    ),
  ]);
  const known = new Map(answers);
  const [listed, fleet, ending] = await Promise.all([
    memberList(members, known),
    fleetStatus(byName(reached), project.config.fleet.enabled),
    usesTls(project.transport.goal) ? listCerts(project).then(expiring, () => []) : [],
  ]);
  return report(project, members, known, { listed, fleet, ending }, (host) => provider.address(host.member));
}

const byName = (hosts: readonly ReachedHost[]): readonly ReachedHost[] =>
  [...hosts].sort((a, b) => (a.name < b.name ? -1 : 1));

/**
 * The members as the first one knows them that answers.
 *
 * @throws CoreupError NO_MEMBER_ANSWERS if none does
 */
export async function liveMembership(project: Project): Promise<readonly ListedMember[]> {
  const hosts = desiredHosts(project, renderProject(project));
  return withHosts(project, async ({ connect }) => {
    const members = etcdHosts(hosts);
    const answers = new Map(
      await Promise.all(
        members.map(async (member) => {
          const answer = await askMember(member, () => connect(member.host.member, DEADLINE));
          return [member.name, answer] as const;
        }),
      ),
    );
    const listed = await memberList(members, answers);
    if (listed.length > 0) return listed;
    const reasons = [...answers].map(([name, { problem }]) => `${name} (${problem ?? 'no answer'})`);
    throw new CoreupError(`no etcd member tells who the members are: ${reasons.join(', ')}`, {
      code: 'NO_MEMBER_ANSWERS',
      hint: 'Run `coreup up` to bring the cluster up, `coreup status` to see its state.',
    });
  });
}

async function askMember(member: EtcdHost, connect: () => Promise<HostRun['connection']>): Promise<Answer> {
  try {
    member.host.connection = await connect();
  } catch (error) {
    return { host: 'unreachable', problem: messageOf(error) };
  }
  let status: MemberStatus | undefined;
  try {
    status = await member.client.status();
    // A linearizable read shows that the member can reach a quorum.
    await member.client.get('/coreup/verify');
    return { host: 'running', status };
  } catch (error) {
    const problem =
      status && status.leader === undefined ? 'knows no leader: the cluster has no quorum' : refused(member, error);
    return { host: 'running', problem, ...(status ? { status } : {}) };
  }
}

function refused(member: EtcdHost, error: unknown): string {
  const { host, port } = clientAddress(member.host.desired);
  return `etcd at ${host}:${port} of this host does not answer: ${messageOf(error)}`;
}

/** The membership as the first member knows it that answers. */
async function memberList(
  members: readonly EtcdHost[],
  answers: ReadonlyMap<string, Answer>,
): Promise<readonly ListedMember[]> {
  for (const member of members.filter(({ name }) => answers.get(name)?.status)) {
    try {
      return await member.client.members();
    } catch {
      // The next one may know more; without a quorum none does.
    }
  }
  return [];
}

/** While a cluster changes from http to https or back, either is right. */
function asSettled(listed: readonly ListedMember[], { transport: { from, goal } }: Project): readonly ListedMember[] {
  if (from === undefined) return listed;
  return listed.map((member) => ({
    ...member,
    peerUrls: speaking('peer', member.peerUrls.join(), goal).split(','),
    clientUrls: speaking('client', member.clientUrls.join(), goal).split(','),
  }));
}

function report(
  project: Project,
  members: readonly EtcdHost[],
  answers: ReadonlyMap<string, Answer>,
  {
    listed,
    fleet,
    ending,
  }: {
    readonly listed: readonly ListedMember[];
    readonly fleet: FleetReport | null;
    readonly ending: readonly string[];
  },
  addressOf: (host: HostRun) => string,
): StatusReport {
  const statuses = new Map(
    [...answers].flatMap(([name, answer]) => (answer.status ? [[name, answer.status] as const] : [])),
  );
  const expected = members.map((member) => member.expected);
  const differences = new Map([
    ...compareStatuses(statuses),
    ...(listed.length > 0 ? compareMembership(expected, asSettled(listed, project)) : []),
  ]);
  const leaderId = [...statuses.values()].find((status) => status.leader !== undefined)?.leader;
  const reports = members.map((member): MemberReport => {
    const answer = answers.get(member.name) ?? { host: 'absent' as const };
    const entry = listed.find((candidate) => candidate.name === member.expected.name);
    const id = answer.status?.memberId ?? entry?.id ?? '';
    const problem =
      answer.problem ?? differences.get(member.name) ?? (answer.status ? undefined : `the host is ${answer.host}`);
    return {
      id,
      name: member.name,
      address: addressOf(member.host),
      host: answer.host,
      peer_urls: entry?.peerUrls ?? [],
      client_urls: entry?.clientUrls ?? [],
      healthy: answer.status !== undefined && problem === undefined,
      leader: id !== '' && id === leaderId,
      version: answer.status?.version ?? '',
      ...(problem === undefined ? {} : { problem }),
    };
  });
  return {
    cluster: project.cluster.name,
    healthy: reports.length > 0 && reports.every((member) => member.healthy) && differences.size === 0,
    etcd: {
      leader: reports.find((member) => member.leader)?.name ?? '',
      cluster_id: [...statuses.values()][0]?.clusterId ?? '',
      tls: project.transport.goal === TLS && project.transport.from === undefined,
      expiring: ending,
      members: reports,
    },
    fleet,
  };
}
