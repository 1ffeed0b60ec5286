import { setTimeout as delay } from 'node:timers/promises';
import type { FleetClient } from '../fleet/client.js';
import { judge, type FleetView, type Verdict } from '../fleet/judge.js';
import { isOneshot, type ServiceUnit } from '../fleet/services.js';
import { orAbort } from '../ssh/abort.js';
import { CoreupError, messageOf } from '../util/errors.js';
import { sh } from '../util/shell.js';
import { leftOvers, type AgentUnits } from './fleet-agent.js';
import { journalTail } from './remote.js';
import type { HostRun, ServicePatience } from './run.js';

export const SERVICE_PATIENCE: ServicePatience = { act: 60_000, start: 600_000, steady: 2500, poll: 400 };

export interface ServiceWatch {
  /** One look at the cluster that all who wait share. */
  readonly look: () => Promise<FleetView>;
  readonly hostOf: (machineId: string) => HostRun | undefined;
  /** What the host of a machine itself says of its units (see agentLook). */
  readonly agentOf: (machineId: string, age?: number) => Promise<AgentUnits | undefined>;
  /** Makes the agents look at once. */
  readonly nudge: (unit: ServiceUnit) => Promise<void>;
  /** Where a global unit is to run. */
  readonly machinesFor: (unit: ServiceUnit) => readonly string[];
  /** Why fleet finds no machine, where that is known. */
  readonly unplaced: (unit: ServiceUnit, view: FleetView) => string | undefined;
  readonly note: (unit: ServiceUnit, text: string) => void;
  readonly signal: AbortSignal;
  readonly patience: ServicePatience;
}

/** A unit that did not come to where it should, with the tail of its journal. */
export class ServiceFailedError extends CoreupError {
  constructor(
    message: string,
    readonly detail: string | undefined,
    hint: string,
  ) {
    super(message, { code: 'SERVICE_FAILED', hint });
  }
}

/**
 * Waits until a unit is what config.ts wants of it.
 *
 * @param fresh it was changed just now, so that running for a moment proves nothing
 * @returns the machines that it is on
 * @throws CoreupError SERVICE_FAILED with the reason, and with the journal where it has failed
 */
export function waitForService(unit: ServiceUnit, fresh: boolean, watch: ServiceWatch): Promise<readonly string[]> {
  return orAbort(poll(unit, fresh, watch), watch.signal);
}

async function poll(unit: ServiceUnit, fresh: boolean, watch: ServiceWatch): Promise<readonly string[]> {
  const { patience, signal } = watch;
  const started = performance.now();
  const steady = fresh && unit.target === 'launched' && !isOneshot(unit.options) ? patience.steady : 0;
  let upSince: number | undefined;
  let said = '';
  // What fleet says, and since when; without a report in between, since the hosts may know more.
  let stuck = { why: '', since: started };
  for (;;) {
    signal.throwIfAborted();
    const view = await watch.look();
    const now = performance.now();
    let verdict = judge(unit, view, watch.machinesFor(unit));
    if (verdict.kind === 'waiting') {
      if (verdict.why !== stuck.why) stuck = { why: verdict.why, since: now };
      await watch.nudge(unit);
      if (now - stuck.since > patience.steady) verdict = await asHostsSay(unit, view, watch);
    }
    if (verdict.kind === 'failed') verdict = await confirmed(verdict, unit, watch);
    if (verdict.kind === 'failed') throw await failed(verdict, unit, watch);
    if (verdict.kind === 'done') {
      upSince ??= now;
      if (now - upSince >= steady) return verdict.machineIds;
    } else {
      if (verdict.why !== said) watch.note(unit, (said = verdict.why));
      const { machineId } = verdict;
      const ended = hasEnded(verdict, unit, upSince !== undefined, now - stuck.since, patience);
      if (machineId !== undefined && ended && !(await runs(unit, machineId, watch))) {
        const why = 'has ended by itself; a unit whose process is to end has Type=oneshot';
        throw await failed({ why, machineId }, unit, watch);
      }
      upSince = undefined;
      if (now - started > (verdict.busy === true ? patience.start : patience.act)) {
        throw await late(unit, verdict, view, watch);
      }
    }
    await delay(patience.poll);
  }
}

/** Reports are a moment old: a unit that has just been started anew may have failed before. */
async function confirmed(
  verdict: Verdict & { kind: 'failed' },
  unit: ServiceUnit,
  watch: ServiceWatch,
): Promise<Verdict> {
  const there = await watch.agentOf(verdict.machineId, 0);
  const own = there?.get(unit.name);
  const holds = there === undefined || (own && (own.load !== 'loaded' || own.active === 'failed'));
  return holds === true ? verdict : { kind: 'waiting', why: 'is started anew', machineId: verdict.machineId };
}

/** Whether the host itself says that a unit runs, or is about to, of which fleet has an older report. */
async function runs({ name }: ServiceUnit, machineId: string, watch: ServiceWatch): Promise<boolean> {
  const own = (await watch.agentOf(machineId, 0))?.get(name);
  return own !== undefined && ['active', 'activating', 'reloading'].includes(own.active);
}

/** Judges again with what the hosts themselves say: of the unit, where fleet has no report, and of what hinders it. */
async function asHostsSay(unit: ServiceUnit, view: FleetView, watch: ServiceWatch): Promise<Verdict> {
  const scheduled = view.units.find(({ name }) => name === unit.name)?.machineId ?? '';
  const ids = scheduled === '' ? watch.machinesFor(unit) : [scheduled];
  const reported = new Set(view.states.filter(({ name }) => name === unit.name).map(({ machineId }) => machineId));
  const agents = new Map(await Promise.all(ids.map(async (id) => [id, await watch.agentOf(id)] as const)));
  const reports = ids.flatMap((machineId) => {
    const report = reported.has(machineId) ? undefined : agents.get(machineId)?.get(unit.name);
    return report ? [{ ...report, name: unit.name, machineId }] : [];
  });
  const verdict = judge(unit, { ...view, states: [...view.states, ...reports] }, watch.machinesFor(unit));
  if (verdict.kind !== 'waiting' || verdict.machineId === undefined) return verdict;
  const there = agents.get(verdict.machineId);
  const busy = there !== undefined && leftOvers(there, view, verdict.machineId).length > 0;
  return busy ? { ...verdict, why: 'its machine first gives up units that it is to have no more', busy } : verdict;
}

/**
 * An agent says `inactive` before the start and after the end, and systemd forgets a service that has ended well. One that
 * ran a moment ago, or that is to run and has not been starting for a while, has ended.
 */
function hasEnded(verdict: Verdict, unit: ServiceUnit, ran: boolean, idle: number, patience: ServicePatience): boolean {
  const inactive = verdict.kind === 'waiting' && unit.target === 'launched' && verdict.why.startsWith('is inactive');
  return inactive && (ran || idle > 2 * patience.steady);
}

async function failed(
  { why, machineId }: { readonly why: string; readonly machineId: string },
  unit: ServiceUnit,
  watch: ServiceWatch,
): Promise<ServiceFailedError> {
  const host = watch.hostOf(machineId);
  if (!host)
    return new ServiceFailedError(`${why} on machine ${machineId.slice(0, 8)}`, undefined, `Look at ${unit.file}.`);
  const { result, status, reason } = await unitOnHost(host, unit.name).catch(() => UNKNOWN);
  const more = why.startsWith('has failed') ? ` with ${result}, exit status ${status}` : '';
  const journal = await journalTail(host.connection, unit.name).catch(messageOf);
  const detail = [reason, journal].filter((text) => text !== '').join('\n');
  return new ServiceFailedError(
    `${why}${more} on ${host.name}`,
    detail === '' ? undefined : detail,
    `More of its journal: \`coreup logs ${host.name} ${unit.name}\`. Mend ${unit.file} and run \`coreup up\` again.`,
  );
}

async function late(
  unit: ServiceUnit,
  { why, machineId }: Verdict & { kind: 'waiting' },
  view: FleetView,
  watch: ServiceWatch,
): Promise<ServiceFailedError> {
  const host = machineId === undefined ? undefined : watch.hostOf(machineId);
  const where = host ? ` on ${host.name}` : '';
  const cause = machineId === undefined ? watch.unplaced(unit, view) : undefined;
  const journal = host ? await journalTail(host.connection, unit.name).catch(messageOf) : '';
  return new ServiceFailedError(
    `is not ${unit.target} after ${watch.patience.act / 1000} s${where}: ${why}${cause === undefined ? '' : ` (${cause})`}`,
    journal === '' ? undefined : journal,
    'Run `coreup fleetctl -- list-units` to see what fleet says of it.',
  );
}

interface UnitOnHost {
  readonly result: string;
  readonly status: string;
  /** Why systemd cannot load it; '' where it can. */
  readonly reason: string;
}

const UNKNOWN: UnitOnHost = { result: 'an unknown result', status: '?', reason: '' };

async function unitOnHost(host: HostRun, name: string): Promise<UnitOnHost> {
  const properties = 'Result,ExecMainStatus,LoadError';
  const script = sh`systemctl show --property=${properties} -- ${name}`;
  const result = await host.connection.run({ text: script }, { timeout: 10_000 });
  const value = new Map(
    result.stdout
      .toString()
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  return {
    result: value.get('Result') ?? UNKNOWN.result,
    status: value.get('ExecMainStatus') ?? UNKNOWN.status,
    reason: value.get('LoadError') ?? '',
  };
}

/** A way to look at the cluster that asks once for all who want to know at the same time. */
export function sharedLook(
  ask: (work: (client: FleetClient) => Promise<FleetView>) => Promise<FleetView>,
): () => Promise<FleetView> {
  let running: Promise<FleetView> | undefined;
  return () => {
    running ??= ask(lookOnce).finally(() => {
      running = undefined;
    });
    return running;
  };
}

async function lookOnce(client: FleetClient): Promise<FleetView> {
  const [units, states] = await Promise.all([client.units(), client.states()]);
  return { units, states };
}
