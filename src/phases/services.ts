import type { FleetUnit, Machine } from '../fleet/client.js';
import type { FleetView } from '../fleet/judge.js';
import { simulate, type Placement, type UnitToPlace } from '../fleet/schedule.js';
import { requirementsOf } from '../fleet/requirements.js';
import { decideServices, type ServiceUnit } from '../fleet/services.js';
import { unitEnvironment } from '../plan/adapt.js';
import { FLEET_UNIT } from '../fleet/service.js';
import { NO_FLEET_HINT } from '../plan/adapt-fleet.js';
import { CoreupError, InputError } from '../util/errors.js';
import { onAll } from './failures.js';
import { agentLook, nudger } from './fleet-agent.js';
import { askFleet, fleetHosts, waitForMachine, type FleetHost } from './fleet-host.js';
import { lockForServices } from './host-lock.js';
import type { HostRun, UpRun } from './run.js';
import type { Phase } from './runner.js';
import { bringUp, takeAway, type Ask } from './service-changes.js';
import { SERVICE_PATIENCE, sharedLook, type ServiceWatch } from './service-wait.js';

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
    const going = new Set(changes.flatMap((change) => (change.kind === 'destroy' ? [change.name] : [])));
    const staying = units.filter(({ name }) => !going.has(name));
    const placements = simulateFor(services.wanted, staying, machines, run.hosts);
    refuseUnplaceable(services.wanted, placements);
    const watch = watchOf(run, ask, machines, placements);
    if (changes.length > 0) await lockForServices(run);
    await takeAway(changes, { run, ask, watch, states });
    await bringUp(changes, { run, ask, watch });
  },
};

function watchOf(run: UpRun, ask: Ask, machines: readonly Machine[], placements: readonly Placement[]): ServiceWatch {
  const hostOf = (id: string): HostRun | undefined => run.hosts.find(({ observation }) => observation.machineId === id);
  const places = new Map(placements.map((placement) => [placement.unit, placement]));
  return {
    look: sharedLook(ask),
    hostOf,
    agentOf: agentLook(hostOf),
    nudge: nudger(ask),
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

/**
 * Refuses services that no member could ever run, from the members' settings alone: no host has to be there for that.
 * Which ID a machine has shows only on the host, so units of which one asks for an ID are judged once it has been looked at.
 *
 * @throws InputError SERVICE_UNPLACEABLE
 */
export function refuseHopeless(wanted: readonly ServiceUnit[], hosts: readonly HostRun[]): void {
  if (wanted.some(({ name, options }) => requirementsOf(name, options).machineId !== undefined)) return;
  const machines = hosts
    .filter(({ member }) => member.role !== 'discovery')
    .map((host): Machine => ({ id: host.name, ip: host.member.publicIpv4, metadata: metadataOf(host) }));
  refuseUnplaceable(wanted, simulate(wanted, machines, { machineName: (id) => id }));
}

/** Of a thousand instances of one template, the first ones say it all. */
const MOST_TOLD = 10;

/** @throws InputError SERVICE_UNPLACEABLE with the reason for each unit that no machine can ever run */
export function refuseUnplaceable(wanted: readonly ServiceUnit[], placements: readonly Placement[]): void {
  const files = new Map(wanted.map(({ name, file }) => [name, file]));
  const lost = placements.flatMap((placement) =>
    placement.kind === 'unplaceable' && files.has(placement.unit) ? [placement] : [],
  );
  const [first] = lost;
  if (!first) return;
  const told = lost
    .slice(0, MOST_TOLD)
    .map(({ unit, reason }) => `${unit} (${files.get(unit)}) can run nowhere: ${reason}`);
  const more = lost.length - told.length;
  throw new InputError([...told, ...(more === 0 ? [] : [`and so it is with ${more} more`])].join('\n'), {
    code: 'SERVICE_UNPLACEABLE',
    hint: 'Change its [X-Fleet] section, give a member the metadata in config.ts, or leave the unit out.',
  });
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
  return { id: host.observation.machineId, ip: host.member.publicIpv4, metadata: metadataOf(host) };
}

/** The metadata that a host's settings give to its machine. */
function metadataOf({ desired }: HostRun): Readonly<Record<string, string>> {
  const pairs = (unitEnvironment(desired, FLEET_UNIT).get('FLEET_METADATA') ?? '').split(',');
  return Object.fromEntries(
    pairs.flatMap((pair): [string, string][] => {
      const at = pair.indexOf('=');
      return at === -1 ? [] : [[pair.slice(0, at).trim(), pair.slice(at + 1).trim()]];
    }),
  );
}
