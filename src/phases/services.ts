import pLimit from 'p-limit';
import type { FleetClient, FleetUnit, Machine } from '../fleet/client.js';
import type { FleetView } from '../fleet/judge.js';
import { simulate, type Placement, type UnitToPlace } from '../fleet/schedule.js';
import { decideServices, type ServiceChange, type ServiceUnit } from '../fleet/services.js';
import { unitEnvironment } from '../plan/adapt.js';
import { FLEET_UNIT } from '../fleet/service.js';
import { NO_FLEET_HINT } from '../plan/adapt-fleet.js';
import { CoreupError, InputError } from '../util/errors.js';
import { MembersFailedError, onAll, type MemberFailure } from './failures.js';
import { askFleet, fleetHosts, waitForMachine, type FleetHost } from './fleet-host.js';
import type { HostRun, UpRun } from './run.js';
import type { Phase } from './runner.js';
import { SERVICE_PATIENCE, sharedLook, waitForService, type ServiceWatch } from './service-wait.js';

/** Requests to fleet at once; each of them is several to etcd. */
const AT_ONCE = 8;

/** A way to fleet that lasts longer than one fleetd, and than one leader of etcd. */
type Ask = <T>(work: (client: FleetClient) => Promise<T>) => Promise<T>;

/** Refuses, before the first change, services that could not run on these hosts. */
export const checkServices: Phase<UpRun> = {
  title: 'Checking the services',
  // What a host that is shut down can run shows once it is up.
  skip: ({ hosts, services, asleep = [] }) =>
    asleep.length > 0 || (hosts.every(({ fleet }) => fleet === undefined) && services.wanted.length === 0),
  run({ hosts, services, reporter }) {
    const running = fleetHosts(hosts);
    if (running.length === 0) {
      if (services.wanted.length > 0) {
        throw new CoreupError('the services of config.ts need fleet, and no host has it', {
          code: 'NO_FLEET',
          hint: NO_FLEET_HINT,
        });
      }
      reporter.info('fleet is not used: no host has fleetd, and fleet.source is not set');
    } else {
      refuseTwins(running);
      refuseUnplaceable(services.wanted, simulateFor(services.wanted, [], running.map(expectedMachine), hosts));
    }
    return Promise.resolve();
  },
};

/** Brings what fleet runs to what config.ts says, and waits until it does. */
export const bringUpServices: Phase<UpRun> = {
  title: 'Bringing the services up',
  skip: ({ hosts }) => fleetHosts(hosts).length === 0,
  async run(run) {
    const { services, reporter } = run;
    const running = fleetHosts(run.hosts);
    await onAll('fleet is not ready on', running, reporter, (host) => waitForMachine(host, run));
    const ask: Ask = (work) => askFleet(running, run.signal, work);
    const [machines, units, states] = await ask((client) =>
      Promise.all([client.machines(), client.units(), client.states()]),
    );
    const { changes, foreign } = decideServices(services.wanted, units, states, run.cluster.name);
    refuseForeign(foreign);
    const placements = simulateFor(services.wanted, units, machines, run.hosts);
    refuseUnplaceable(services.wanted, placements);
    const watch = watchOf(run, ask, machines, placements);
    await destroyDropped(changes, run, ask);
    await bringUp(changes, run, ask, watch);
  },
};

/** The units that are new or wanted in another state all at once, those that are replaced one after the other. */
async function bringUp(changes: readonly ServiceChange[], run: UpRun, ask: Ask, watch: ServiceWatch): Promise<void> {
  const { services, reporter } = run;
  const byName = new Map(changes.flatMap((change) => (change.kind === 'destroy' ? [] : [[change.unit.name, change]])));
  const limit = pLimit(AT_ONCE);
  const settle = async (unit: ServiceUnit): Promise<void> => {
    const change = byName.get(unit.name);
    if (change) await limit(() => ask((client) => make(change, client)));
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

async function make(change: Exclude<ServiceChange, { kind: 'destroy' }>, client: FleetClient): Promise<void> {
  const { kind, unit } = change;
  if (kind === 'submit' || kind === 'replace') {
    await client.put(unit.name, unit.options, unit.target);
    return;
  }
  // fleet starts a failed unit anew only if it was not wanted in between.
  if (kind === 'restart') await client.setTarget(unit.name, 'loaded');
  await client.setTarget(unit.name, unit.target);
}

async function destroyDropped(changes: readonly ServiceChange[], run: UpRun, ask: Ask): Promise<void> {
  const dropped = changes.flatMap((change) => (change.kind === 'destroy' ? [change] : []));
  const limit = pLimit(AT_ONCE);
  await onAll('these services could not be taken away', dropped, run.reporter, ({ name, reason }) =>
    limit(async () => {
      await ask((client) => client.destroy(name));
      run.services.changes++;
      run.reporter.member(name, `destroyed: it ${reason}`, 'done');
    }),
  );
}

function describe(unit: ServiceUnit, names: readonly string[]): string {
  const on = names.length === 0 ? '' : ` on ${names.join(', ')}`;
  return unit.target === 'launched' ? `runs${on}` : `${unit.target}${on}`;
}

function watchOf(run: UpRun, ask: Ask, machines: readonly Machine[], placements: readonly Placement[]): ServiceWatch {
  const hostOf = (id: string): HostRun | undefined => run.hosts.find(({ observation }) => observation.machineId === id);
  const places = new Map(placements.map((placement) => [placement.unit, placement]));
  return {
    look: sharedLook(ask),
    hostOf,
    machinesFor: ({ name }) => {
      const place = places.get(name);
      return place?.kind === 'global' ? place.machineIds : [];
    },
    unplaced: (unit, { units }: FleetView) => {
      const found = simulateFor([unit], units, machines, run.hosts).find((placement) => placement.unit === unit.name);
      return found?.kind === 'unplaceable' ? found.reason : undefined;
    },
    note: (unit, text) => {
      run.reporter.member(unit.name, text);
    },
    signal: run.signal,
    patience: run.servicePatience ?? SERVICE_PATIENCE,
  };
}

/** Where fleet will put the wanted units, beside those that it has. */
export function simulateFor(
  wanted: readonly ServiceUnit[],
  known: readonly FleetUnit[],
  machines: readonly Machine[],
  hosts: readonly HostRun[],
): readonly Placement[] {
  const present = new Map(known.map((unit) => [unit.name, unit]));
  const names = new Set(wanted.map(({ name }) => name));
  const others = known
    .filter(({ name }) => !names.has(name))
    .map(({ desiredState, ...unit }) => ({ ...unit, target: desiredState }));
  const own = wanted.map((unit): UnitToPlace => ({ ...unit, machineId: present.get(unit.name)?.machineId ?? '' }));
  return simulate([...own, ...others], machines, {
    machineName: (id) => hosts.find(({ observation }) => observation.machineId === id)?.name ?? id.slice(0, 8),
  });
}

/** @throws InputError SERVICE_UNPLACEABLE with the reason for each unit that no machine can ever run */
function refuseUnplaceable(wanted: readonly ServiceUnit[], placements: readonly Placement[]): void {
  const files = new Map(wanted.map(({ name, file }) => [name, file]));
  const lost = placements.flatMap((placement) =>
    placement.kind === 'unplaceable' && files.has(placement.unit) ? [placement] : [],
  );
  const [first] = lost;
  if (!first) return;
  throw new InputError(
    lost.map(({ unit, reason }) => `${unit} (${files.get(unit)}) can run nowhere: ${reason}`).join('\n'),
    {
      code: 'SERVICE_UNPLACEABLE',
      hint: 'Change its [X-Fleet] section, give a member the metadata in config.ts, or leave the unit out.',
    },
  );
}

/** @throws CoreupError SERVICE_FOREIGN */
export function refuseForeign(foreign: ReadonlyMap<string, string>): void {
  if (foreign.size === 0) return;
  const names = [...foreign].map(([name, whose]) => `${name} (${whose})`);
  throw new CoreupError(`fleet has units of these names that are not this project's: ${names.join(', ')}`, {
    code: 'SERVICE_FOREIGN',
    hint: 'Nothing was changed in fleet. Give the services other names, or take those units away: `coreup fleetctl -- destroy NAME`.',
  });
}

/** fleet knows machines by their ID alone: two hosts with one would be one machine for it. */
function refuseTwins(running: readonly FleetHost[]): void {
  for (const { host } of running) {
    const twin = running.find(
      (other) => other.host !== host && other.host.observation.machineId === host.observation.machineId,
    );
    if (!twin) continue;
    throw new CoreupError(`${host.name} and ${twin.name} have the same machine ID, and fleet would take them for one`, {
      code: 'MACHINE_ID_TWINS',
      hint: `Give the copy its own: \`rm /etc/machine-id && systemd-machine-id-setup\` on ${twin.name}, then reboot it.`,
    });
  }
}

/** The machine that a host will be to fleet, from its settings. */
export function expectedMachine({ host }: FleetHost): Machine {
  const pairs = (unitEnvironment(host.desired, FLEET_UNIT).get('FLEET_METADATA') ?? '').split(',');
  const metadata = Object.fromEntries(
    pairs.flatMap((pair): [string, string][] => {
      const at = pair.indexOf('=');
      return at === -1 ? [] : [[pair.slice(0, at).trim(), pair.slice(at + 1).trim()]];
    }),
  );
  return { id: host.observation.machineId, ip: host.member.publicIpv4, metadata };
}
