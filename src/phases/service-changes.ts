import { setTimeout as delay } from 'node:timers/promises';
import pLimit from 'p-limit';
import type { FleetClient, UnitState } from '../fleet/client.js';
import { isGlobal, type ServiceChange, type ServiceUnit } from '../fleet/services.js';
import { orAbort } from '../ssh/abort.js';
import { MembersFailedError, onAll, type MemberFailure } from './failures.js';
import type { UpRun } from './run.js';
import { ServiceFailedError, waitForService, type ServiceWatch } from './service-wait.js';

/** Requests to fleet at once; each of them is several to etcd. */
const AT_ONCE = 8;

/** A way to fleet that lasts longer than one fleetd, and than one leader of etcd. */
export type Ask = <T>(work: (client: FleetClient) => Promise<T>) => Promise<T>;

/** What changes of services need. */
export interface Changing {
  readonly run: UpRun;
  readonly ask: Ask;
  readonly watch: ServiceWatch;
}

type Dropped = Extract<ServiceChange, { kind: 'destroy' }>;
type Made = Exclude<ServiceChange, { kind: 'destroy' }>;

/**
 * The units that are new or wanted in another state all at once, those that are replaced one after the other. All that are
 * new are made known before the first is wanted, since fleet counts global units wherever they could run, and what it knows
 * of no unit makes no difference to where others go.
 */
export async function bringUp(changes: readonly ServiceChange[], { run, ask, watch }: Changing): Promise<void> {
  const { services, reporter } = run;
  const byName = new Map(changes.flatMap((change) => (change.kind === 'destroy' ? [] : [[change.unit.name, change]])));
  const limit = pLimit(AT_ONCE);
  const limited: Ask = (work) => limit(() => ask(work));
  const fresh = services.wanted.filter(({ name }) => byName.get(name)?.kind === 'submit');
  await onAll('these services could not be submitted', fresh, reporter, ({ name, options }) =>
    limited((client) => client.put(name, options, 'inactive')),
  );
  const settle = async (unit: ServiceUnit): Promise<void> => {
    const change = byName.get(unit.name);
    if (change) await make(change, limited, { run, ask, watch });
    if (change) services.changes++;
    const where = await waitForService(unit, change !== undefined, watch);
    const names = where.map((id) => watch.hostOf(id)?.name ?? id.slice(0, 8));
    if (change) reporter.member(unit.name, describe(unit, names), 'done');
  };
  const isRolled = ({ name }: ServiceUnit): boolean => byName.get(name)?.kind === 'replace';
  const whole = services.wanted.filter((unit) => !isRolled(unit));
  await onAll('these services are not as config.ts wants them', whole, reporter, settle);
  // Two services may be replaced at the same time, two instances of one never.
  const groups = [...grouped(services.wanted.filter(isRolled))];
  const failures = (await Promise.all(groups.map((units) => rollOut(units, run, settle)))).flat();
  if (failures.length > 0) throw new MembersFailedError('the change stopped at', failures);
}

async function rollOut(
  units: readonly ServiceUnit[],
  { reporter }: UpRun,
  settle: (unit: ServiceUnit) => Promise<void>,
): Promise<readonly MemberFailure[]> {
  for (const unit of units) {
    reporter.member(unit.name, 'replaced with its new content');
    try {
      await onAll('the change stopped at', [unit], reporter, settle);
    } catch (error) {
      if (error instanceof MembersFailedError) return error.failures;
      throw error;
    }
  }
  return [];
}

function grouped(units: readonly ServiceUnit[]): Iterable<readonly ServiceUnit[]> {
  const groups = new Map<string, ServiceUnit[]>();
  for (const unit of units) groups.set(unit.file, [...(groups.get(unit.file) ?? []), unit]);
  return groups.values();
}

async function make({ kind, unit }: Made, ask: Ask, { run, watch }: Changing): Promise<void> {
  if (kind === 'replace') {
    await ask((client) => client.put(unit.name, unit.options, unit.target));
    return;
  }
  if (kind === 'restart') await turnOff(unit, ask, run, watch);
  await ask((client) => client.setTarget(unit.name, unit.target));
  if (kind === 'restart' && !isGlobal(unit.options)) {
    await until(async () => (await stateOf(unit, ask)) === 'launched', unit, run, watch);
  }
}

/**
 * An agent starts a failed unit anew only if it was not wanted in between, and it sees only what is wanted when it looks. That
 * it has looked shows in the state of the unit, which is taken from what the agent means to run (registry/job_state.go). A
 * global unit has none: it is taken off the machines.
 */
async function turnOff(unit: ServiceUnit, ask: Ask, run: UpRun, watch: ServiceWatch): Promise<void> {
  const target = isGlobal(unit.options) ? 'inactive' : 'loaded';
  await ask((client) => client.setTarget(unit.name, target));
  const isOff = async (): Promise<boolean> => {
    if (target === 'loaded') return (await stateOf(unit, ask)) !== 'launched';
    const agents = await Promise.all(watch.machinesFor(unit).map((id) => watch.agentOf(id, 0)));
    return agents.every((there) => there?.has(unit.name) !== true);
  };
  await until(isOff, { ...unit, target }, run, watch);
}

async function stateOf({ name }: ServiceUnit, ask: Ask): Promise<string | undefined> {
  return (await ask((client) => client.unit(name)))?.currentState;
}

/** Looks until something holds; what never does is for those to tell who wait for the unit. */
async function until(
  holds: () => Promise<boolean>,
  unit: ServiceUnit,
  { signal }: UpRun,
  watch: ServiceWatch,
): Promise<void> {
  const deadline = performance.now() + watch.patience.act;
  while (!(await orAbort(holds(), signal)) && performance.now() < deadline) {
    await watch.nudge(unit);
    await orAbort(delay(watch.patience.poll), signal);
  }
}

/** Destroys what config.ts has dropped, once it runs no more: fleet alone would forget it at once and end it later. */
export async function takeAway(
  changes: readonly ServiceChange[],
  { run, ask, watch, states }: Changing & { readonly states: readonly UnitState[] },
): Promise<void> {
  const dropped = changes.filter((change) => change.kind === 'destroy');
  const limit = pLimit(AT_ONCE);
  await onAll('these services could not be taken away', dropped, run.reporter, async (change) => {
    await stop(change, states, (work) => limit(() => ask(work)), watch);
    await limit(() => ask((client) => client.destroy(change.name)));
    run.services.changes++;
    run.reporter.member(change.name, `destroyed: it ${change.reason}`, 'done');
  });
}

/** Waits until a unit has ended; one that does not is for fleet to end. */
async function stop(
  { name, there }: Dropped,
  states: readonly UnitState[],
  ask: Ask,
  watch: ServiceWatch,
): Promise<void> {
  const machineIds = states.filter((state) => state.name === name).map(({ machineId }) => machineId);
  const somewhere = isGlobal(there.options) ? machineIds.length > 0 : there.machineId !== '';
  if (there.desiredState !== 'launched' || !somewhere) return;
  await ask((client) => client.setTarget(name, 'loaded'));
  const unit: ServiceUnit = { name, file: name, options: there.options, target: 'loaded' };
  try {
    await waitForService(unit, false, { ...watch, machinesFor: () => machineIds });
  } catch (error) {
    if (!(error instanceof ServiceFailedError)) throw error;
  }
}

function describe(unit: ServiceUnit, names: readonly string[]): string {
  const on = names.length === 0 ? '' : ` on ${names.join(', ')}`;
  return unit.target === 'launched' ? `runs${on}` : `${unit.target}${on}`;
}
