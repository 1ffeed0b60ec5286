import { apply, finish } from '../phases/apply.js';
import { MembersFailedError, type MemberFailure } from '../phases/failures.js';
import { consent, type Ask } from '../phases/consent.js';
import { found } from '../phases/found.js';
import { guardFounded } from '../phases/guard.js';
import { lockHosts } from '../phases/host-lock.js';
import { checkMachine } from '../phases/machine.js';
import { meet } from '../phases/rendezvous.js';
import type { UpRun } from '../phases/run.js';
import { runPhases, type Phase } from '../phases/runner.js';
import { bringUpServices } from '../phases/services.js';
import { verify } from '../phases/verify.js';
import { verifyOthers } from '../phases/verify-others.js';
import type { Provider } from '../providers/port.js';
import type { Reporter } from '../report/port.js';
import type { Journal } from '../state/journal.js';
import { writeRendered } from '../render/files.js';
import { InterruptedError } from '../util/errors.js';
import { findAddresses } from './addresses.js';
import { prepareCertificates } from './certificates.js';
import { changing } from './changing.js';
import { checkProject, comparison, startRun, type Remember } from './compare.js';
import { desiredHosts, renderProject } from './desired.js';
import { prepareDiscovery, rendezvousOf } from './discovery.js';
import { interruptedAt } from './interrupted.js';
import { preparePrograms } from './programs.js';
import type { Project } from './project.js';
import { openProvider, openSsh, pinHostKeys } from './session.js';
import { transition } from './transition.js';
import { pkiOf, tellTransport } from './transport.js';

export interface UpOptions {
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
  /** Nothing is asked: missing packages are installed on this machine, and hosts are changed. */
  readonly yes: boolean;
  /** Whether what is somebody else's on a host is taken over. */
  readonly adopt?: boolean;
  /** Whether a URL without a checksum may be trusted, and its sum remembered. */
  readonly trustFirstUse: boolean;
  /** The command that is doing this, such as `certs rotate`; `up` where absent. */
  readonly command?: string;
  /** What is to be done first, once nobody else works on the project. */
  readonly prepare?: () => Promise<void>;
}

/** How an `up` ended, member by member. */
export interface UpResult {
  readonly ok: boolean;
  readonly seconds: number;
  readonly members: readonly { name: string; address: string; ok: boolean; error?: string }[];
  /** Changes made on hosts; hosts that were booted count as one each. */
  readonly changes: number;
  readonly failures: readonly MemberFailure[];
  /** Why it failed as a whole; absent if it did not. */
  readonly problem?: string;
}

/** Makes what is absent and starts what is stopped, and pins the keys of the hosts that coreup makes itself. */
function boot(project: Project, booted: string[]): Phase<UpRun> {
  return {
    title: 'Booting the hosts',
    async run({ provider, cluster, reporter, signal }) {
      const note = (text: string, member?: string): void => {
        if (member === undefined) reporter.info(text);
        else reporter.member(member, text);
      };
      booted.push(...(await provider.ensure(cluster, note, signal)));
      for (const name of booted) reporter.member(name, 'booted', 'done');
      await pinHostKeys(project, await provider.knownHosts(cluster));
    },
  };
}

/**
 * Brings the cluster up: the verb of this program. Safe to run again at any time; on a healthy cluster it changes
 * nothing.
 *
 * @throws InputError for wrong input, before anything is changed; CoreupError for what stops the run as a whole, such as
 * members that a founded cluster does not have.
 * Members that fail are in the result.
 */
export async function up(asked: Project, options: UpOptions): Promise<UpResult> {
  // What is wrong is found before anything is remembered or made.
  const checked = checkProject(asked);
  await guardFounded(asked.state, checked.hosts);
  return changing(asked.state, 'up', options.reporter, async (journal) => {
    const store = pkiOf(asked.state);
    const before = await store.snapshot();
    await options.prepare?.();
    const result = await bringUp(asked, checked, { ...options, undo: () => store.restore(before) }, journal);
    // Whoever has brought them to the hosts: the next renewal that is asked for is another one.
    if (result.ok) await store.setRenewal(undefined);
    return result;
  });
}

async function bringUp(
  asked: Project,
  { rendered: first, services }: ReturnType<typeof checkProject>,
  options: UpOptions & { readonly undo: () => Promise<void> },
  journal: Journal,
): Promise<UpResult> {
  const started = Date.now();
  const ssh = await openSsh(asked);
  try {
    const { reporter, signal } = options;
    tellTransport(asked, reporter);
    const placed = await failuresOf(() => findAddresses(asked, { ssh, reporter, signal, remember: true }));
    if (placed instanceof MembersFailedError)
      return resultOf(asked, await openProvider(asked, false), { started, changes: 0, failed: placed });
    const discovering = await prepareDiscovery(placed, {
      signal,
      onRetry: (reason) => {
        reporter.info(`${reason}; trying again`);
      },
    });
    const rendered = discovering === asked ? first : renderProject(discovering);
    const project = await prepareCertificates(discovering, rendered, options).catch(async (error: unknown) => {
      // Nobody has seen any of them yet, and what was asked for is not to come with some later run.
      await options.undo();
      throw error;
    });
    const wishes = await preparePrograms(project, options);
    const hosts = desiredHosts(project, rendered, wishes);
    const rendezvous = rendezvousOf(project);
    const provider = await openProvider(project, true);
    const run = startRun(project, { ...options, provider, ssh, hosts, services, rendezvous, journal });
    await runPhases([checkMachine(options.yes)], run);
    await writeRendered(project.directory, rendered, project.state);
    const booted: string[] = [];
    const look = comparison(project, wishes, remember(project));
    const story = [
      boot(project, booted),
      ...look,
      consent(options.yes ? undefined : askOnTerminal(), options.undo, options.command),
      ...transition(project, wishes, look),
      lockHosts(look),
      found,
      meet,
      apply,
      verify,
      verifyOthers,
      finish,
      bringUpServices,
    ];
    const ended = await failuresOf(() => runPhases(story, run))
      .catch((error: unknown) => {
        throw error instanceof InterruptedError ? interruptedAt({ booted, hosts, services: services.changes }) : error;
      })
      .finally(async () => {
        await rendezvous?.close();
        await run.locks.release();
      });
    const changes = booted.length + hosts.reduce((sum, host) => sum + host.changes, services.changes);
    return resultOf(project, provider, {
      started,
      changes,
      failed: ended instanceof MembersFailedError ? ended : undefined,
    });
  } finally {
    await ssh.close();
  }
}

/** Keeps what was learned of the hosts' etcd, and what was rendered for it. */
function remember({ directory, state }: Project): Remember {
  return async (versions, rendered) => {
    await state.update((before) => ({ ...before, versions: { ...before.versions, ...versions } }));
    await writeRendered(directory, rendered, state);
  };
}

/** Scripts and pipelines rely on an `up` that asks nothing. */
function askOnTerminal(): Ask | undefined {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined;
  return async (question) => (await import('../report/confirm.js')).confirm(question);
}

/** Members that failed are a result to be told in full; everything else ends the run. */
async function failuresOf<T>(run: () => Promise<T>): Promise<T | MembersFailedError> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof MembersFailedError) return error;
    throw error;
  }
}

function resultOf(
  { cluster }: Project,
  provider: Provider,
  {
    started,
    changes,
    failed,
  }: { readonly started: number; readonly changes: number; readonly failed: MembersFailedError | undefined },
): UpResult {
  return {
    ok: failed === undefined,
    seconds: (Date.now() - started) / 1000,
    members: cluster.members.map((member) => {
      const failure = failed?.failures.find((entry) => entry.member === member.name);
      return {
        name: member.name,
        address: provider.address(member),
        ok: failure === undefined,
        ...(failure === undefined ? {} : { error: failure.message }),
      };
    }),
    changes,
    failures: failed?.failures ?? [],
    ...(failed === undefined ? {} : { problem: failed.message }),
  };
}
