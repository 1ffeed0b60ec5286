import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { machine, tmpdir } from 'node:os';
import { join } from 'node:path';
import { showSteps, type ShownStep } from '../phases/contents.js';
import { Foresight, type ForeseenRoll } from '../phases/foresee.js';
import { etcdHosts } from '../phases/etcd-host.js';
import { MembersFailedError, type MemberFailure } from '../phases/failures.js';
import { problemsError } from '../phases/machine.js';
import { rollOutOf } from '../phases/quorum.js';
import type { HostRun, ServiceRun, UpRun } from '../phases/run.js';
import { runPhases } from '../phases/runner.js';
import { planServices, type PlannedService } from '../phases/service-plan.js';
import { foreseeTransport } from '../phases/transport.js';
import { freshHost } from '../plan/fresh-host.js';
import type { RollOut } from '../plan/quorum.js';
import { allSteps } from '../plan/step.js';
import type { HostStatus, Provider } from '../providers/port.js';
import type { UserData } from '../render/user-data.js';
import type { Reporter } from '../report/port.js';
import type { Ssh } from '../ssh/port.js';
import { presentCertificates, type CertificatesAhead } from './certificates.js';
import { findAddresses } from './addresses.js';
import { checkProject, comparison, startRun } from './compare.js';
import { desiredHosts, renderProject } from './desired.js';
import { lacksToken } from './discovery.js';
import { preparePrograms, type ProgramWishes } from './programs.js';
import { SUITE_ETCD, type Project } from './project.js';
import { openProvider, openSsh } from './session.js';
import { goalsFor, transportChange } from './transition.js';
import { tellTransport } from './transport.js';

export interface PlanOptions {
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
  readonly trustFirstUse: boolean;
  readonly adopt: boolean;
  /** Changes of certificates that are about to be asked for, each in a roll of its own. */
  readonly ahead?: readonly AheadRoll[];
}

/** A roll that brings other certificates. */
export interface AheadRoll {
  readonly title: string;
  readonly certificates: CertificatesAhead;
}

/** What `up` would do on one host. */
export interface PlannedMember {
  readonly name: string;
  readonly address: string;
  readonly host: HostStatus;
  /** False where more shows only once the host is there. */
  readonly complete: boolean;
  /** Units that run and are restarted. */
  readonly restarts: readonly string[];
  /** Where `up` goes through the cluster several times, in the order of these rolls. */
  readonly steps: readonly PlannedStep[];
}

export interface PlannedStep extends ShownStep {
  /** In which roll it is made, from 1; absent where there is one only. */
  readonly roll?: number;
}

/** One of several rolls through the cluster; the next one begins when this one has ended well. */
export interface PlannedRoll {
  readonly title: string;
  readonly quorum: RollOut;
}

/** What `up` would do. */
export interface PlanResult {
  /** False where `up` would refuse to do it. */
  readonly ok: boolean;
  readonly cluster: string;
  /** As `up` counts them. */
  readonly changes: number;
  readonly members: readonly PlannedMember[];
  /** Empty where once through the cluster is enough, or where hosts must be there first to tell. */
  readonly rolls: readonly PlannedRoll[];
  /** Of the first roll; null where no etcd was looked at. */
  readonly quorum: RollOut | null;
  readonly services: readonly PlannedService[];
  readonly failures: readonly MemberFailure[];
  /** Why `up` would refuse. */
  readonly problem?: string;
}

/** Milliseconds that an etcd has to say how it is; a plan is no place to wait for one that starts. */
const ANSWER = 3000;
/** Steps that `up` does not count as changes. */
export const BOOK_KEEPING = 'record';

/**
 * Finds what `up` would do, by the same code, and does nothing of it: neither here nor on a host. Takes no lock, and asks
 * no discovery service.
 *
 * @throws InputError for wrong input; CoreupError for what would stop `up` as a whole. Members that would be refused are
 * in the result.
 */
export async function planUp(asked: Project, options: PlanOptions): Promise<PlanResult> {
  const checked = checkProject(asked);
  tellTransport(asked, options.reporter);
  const ssh = await openSsh(asked);
  try {
    const placed = await findAddresses(asked, { ...options, ssh, remember: false });
    const rendered = placed === asked ? checked.rendered : renderProject(placed);
    return await planPlaced(placed, rendered, checked.services, ssh, options);
  } finally {
    await ssh.close();
  }
}

/** The plan of a project whose members' addresses are known. */
async function planPlaced(
  placed: Project,
  rendered: readonly UserData[],
  services: ServiceRun,
  ssh: Ssh,
  options: PlanOptions,
): Promise<PlanResult> {
  const { ahead = [] } = options;
  const project = await presentCertificates(placed, rendered, ahead[0]?.certificates);
  const wishes = await programs(project, options);
  await noteToken(project, options.reporter);
  const all = desiredHosts(project, rendered, wishes);
  const provider = await openProvider(project, false);
  await checkHere(provider, project, options.reporter);
  const power = await provider.status(project.cluster);
  const status = (host: HostRun): HostStatus => power.get(host.name) ?? 'absent';
  const awake = all.filter((host) => status(host) === 'running');
  await provider.assertReachable(awake.map(({ member }) => member));
  for (const host of all.filter((other) => status(other) === 'absent')) host.fresh = imagine(project, host);
  const hosts = all.filter((host) => status(host) !== 'stopped');
  const asleep = all.filter((host) => !hosts.includes(host));
  const run: UpRun = { ...startRun(project, { ...options, provider, ssh, hosts, services }), asleep };
  const refused = await refusalOf(() =>
    runPhases(
      comparison(project, wishes, () => Promise.resolve()),
      run,
    ),
  );
  const planned = run.hosts.every((host) => host.planned);
  const weigh = planned && etcdHosts(all).length > 0;
  const quorum = run.rollOut ?? (weigh ? await rollOutOf(run, ANSWER) : null);
  const units = planned && refused === undefined ? await planServices(run) : [];
  const whole = refused === undefined && planned && run.hosts.every(({ fresh }) => fresh === undefined);
  const rolls =
    whole && quorum !== null && asleep.length === 0
      ? await foresee({ project, rendered, wishes, ahead }, run, quorum)
      : [];
  const members = await Promise.all(all.map((host) => memberOf(host, status(host), { run, rolls })));
  return {
    ok: refused === undefined,
    cluster: project.cluster.name,
    changes: countChanges(members, units),
    members,
    rolls: rolls.map(({ title, quorum: expected }) => ({ title, quorum: expected })),
    quorum: rolls[0]?.quorum ?? quorum,
    services: units,
    failures: refused?.failures ?? [],
    ...(refused === undefined ? {} : { problem: refused.message }),
  };
}

/** The rolls of an `up` that goes through the cluster several times; none where once is enough. */
async function foresee(
  parts: {
    readonly project: Project;
    readonly rendered: readonly UserData[];
    readonly wishes: ProgramWishes;
    readonly ahead: readonly AheadRoll[];
  },
  run: UpRun,
  now: RollOut,
): Promise<readonly ForeseenRoll[]> {
  const { project, rendered, wishes, ahead } = parts;
  const foresight = new Foresight(run, now);
  if (project.transport.from !== undefined) await foreseeTransport(transportChange(project, wishes), run, foresight);
  else if (ahead.length > 1) {
    for (const { title, certificates } of ahead) {
      const stage = await presentCertificates(project, rendered, certificates);
      await foresight.roll(title, goalsFor(stage, wishes, run));
    }
  }
  return foresight.rolls;
}

/** Programs are kept where `up` has kept some already; otherwise nothing of them stays. */
async function programs(project: Project, options: PlanOptions): Promise<ProgramWishes> {
  const cache = project.state.file('cache');
  const scratch = existsSync(cache) ? cache : await mkdtemp(join(tmpdir(), 'coreup-plan-'));
  try {
    return await preparePrograms(project, { ...options, scratch });
  } finally {
    if (scratch !== cache) await rm(scratch, { recursive: true, force: true });
  }
}

async function noteToken(project: Project, reporter: Reporter): Promise<void> {
  if (!(await lacksToken(project))) return;
  const { mode } = project.config.discovery;
  const how = mode === 'public' ? 'asks the discovery service for a token' : 'makes a discovery token';
  reporter.info(`\`up\` ${how} first; what is shown has another word in its place`);
}

/** What is missing here would be installed by `up`, if it may; what is wrong would stop it. */
async function checkHere(provider: Provider, { cluster }: Project, reporter: Reporter): Promise<void> {
  const problems = await provider.check(cluster);
  const packages = [...new Set(problems.flatMap((problem) => problem.packages ?? []))];
  const others = problems.filter((problem) => problem.packages === undefined);
  if (others.length > 0) throw problemsError(others);
  if (packages.length > 0)
    reporter.info(`\`up\` asks first to install packages on this machine: ${packages.join(', ')}`);
}

/** Only the local provider makes hosts. */
function imagine({ config: { provider }, etcdVersion }: Project, { member }: HostRun): ReturnType<typeof freshHost> {
  const suite = provider.kind === 'local' ? provider.suite : 'bookworm';
  const version = Object.keys(SUITE_ETCD).indexOf(suite) === 0 ? '12' : '13';
  return freshHost(member.name, { machine: machine(), os: { id: 'debian', version }, etcd: etcdVersion(member) });
}

/** Members that would be refused are a result to be told in full; everything else ends the run. */
async function refusalOf(work: () => Promise<void>): Promise<MembersFailedError | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof MembersFailedError) return error;
    throw error;
  }
}

async function memberOf(
  host: HostRun,
  status: HostStatus,
  { run: { provider, signal }, rolls }: { readonly run: UpRun; readonly rolls: readonly ForeseenRoll[] },
): Promise<PlannedMember> {
  const present = host.planned && rolls.length === 0 ? await showSteps(host, allSteps(host.plan), signal) : [];
  const expected = rolls.flatMap(({ steps: of }, at) =>
    (of.get(host.name) ?? []).map((step) => ({ ...step, roll: at + 1 })),
  );
  const steps: readonly PlannedStep[] = [...present, ...expected];
  const power: ShownStep[] =
    status === 'running'
      ? []
      : status === 'absent'
        ? [{ kind: 'boot', target: host.name, reason: 'the host does not exist yet' }]
        : [{ kind: 'start', target: host.name, reason: 'the host is shut down' }];
  return {
    name: host.name,
    address: provider.address(host.member),
    host: status,
    complete: status === 'running' && host.planned,
    restarts: [
      ...new Set(
        steps.flatMap(({ verb = 'start', target }) => (verb.includes('start') && verb !== 'start' ? [target] : [])),
      ),
    ],
    steps: [...power, ...steps],
  };
}

function countChanges(members: readonly PlannedMember[], services: readonly PlannedService[]): number {
  const steps = members.flatMap((member) => member.steps).filter(({ kind }) => kind !== BOOK_KEEPING);
  return steps.length + services.filter(({ change }) => change !== null).length;
}
