import type { FleetUnit, Machine, UnitState } from '../fleet/client.js';
import { FLEET_UNIT } from '../fleet/service.js';
import type { Placement } from '../fleet/schedule.js';
import { decideServices } from '../fleet/services.js';
import { messageOf } from '../util/errors.js';
import { fleetHosts, type FleetHost } from './fleet-host.js';
import type { HostRun, UpRun } from './run.js';
import { expectedMachine, refuseForeign, simulateFor } from './services.js';

/** What is to become of one unit of fleet. */
export interface PlannedService {
  readonly unit: string;
  /** null: fleet has it as it is wanted. */
  readonly change: 'submit' | 'replace' | 'target' | 'restart' | 'destroy' | null;
  readonly reason?: string;
  /** Names of the members where it is expected to run. */
  readonly members: readonly string[];
  /** Others that it may come to instead: fleet takes waiting units in no fixed order. */
  readonly others: readonly string[];
  /** Why it may run nowhere. */
  readonly problem?: string;
}

/** What fleet is asked: everything it knows. */
type View = readonly [readonly Machine[], readonly FleetUnit[], readonly UnitState[]];

/**
 * What `up` will do with the services of config.ts, and where fleet is expected to put them. Changes nothing.
 *
 * @throws CoreupError SERVICE_FOREIGN where units of these names are not this project's
 */
export async function planServices(run: UpRun): Promise<readonly PlannedService[]> {
  const running = fleetHosts(run.hosts);
  if (running.length === 0) return [];
  const { wanted } = run.services;
  const [known, units, states] = await present(running, run);
  const { changes, foreign } = decideServices(wanted, units, states, run.cluster.name);
  refuseForeign(foreign);
  const expected = running.map(expectedMachine);
  const machines = [...known.filter(({ id }) => !expected.some((machine) => machine.id === id)), ...expected];
  const placements = new Map(
    simulateFor(wanted, units, machines, run.hosts).map((placement) => [placement.unit, placement]),
  );
  const nameOf = (id: string): string => nameOfMachine(id, run.hosts);
  const dropped = changes.flatMap((change): PlannedService[] =>
    change.kind === 'destroy'
      ? [{ unit: change.name, change: change.kind, reason: change.reason, members: [], others: [] }]
      : [],
  );
  const kept = wanted.map(({ name }): PlannedService => {
    const change = changes.find((other) => other.kind !== 'destroy' && other.unit.name === name);
    return {
      unit: name,
      change: change?.kind ?? null,
      ...(change ? { reason: change.reason } : {}),
      ...placeOf(placements.get(name), nameOf),
    };
  });
  return [...dropped, ...kept];
}

/** What fleet knows now; nothing where it does not run yet, or does not answer. */
async function present(running: readonly FleetHost[], { reporter }: UpRun): Promise<View> {
  const active = running.filter(({ host }) => host.observation.units.get(FLEET_UNIT)?.active === 'active');
  for (const { name, client } of active) {
    try {
      return await Promise.all([client.machines(), client.units(), client.states()]);
    } catch (error) {
      reporter.warn(`fleet on ${name} does not say what it runs: ${messageOf(error)}`);
    }
  }
  return [[], [], []];
}

function placeOf(
  placement: Placement | undefined,
  nameOf: (id: string) => string,
): Pick<PlannedService, 'members' | 'others' | 'problem'> {
  switch (placement?.kind) {
    case 'placed': {
      const { machineId, machineIds, mayFail, reason } = placement;
      const others = machineIds.filter((id) => id !== machineId).map(nameOf);
      const problem = mayFail ? `may run nowhere: ${reason ?? 'it depends on the order'}` : undefined;
      return { members: [nameOf(machineId)], others, ...(problem === undefined ? {} : { problem }) };
    }
    case 'global':
      return { members: placement.machineIds.map(nameOf), others: [] };
    case 'unplaceable':
      return { members: [], others: [], problem: placement.reason };
    default:
      return { members: [], others: [] };
  }
}

function nameOfMachine(id: string, hosts: readonly HostRun[]): string {
  return hosts.find(({ observation }) => observation.machineId === id)?.name ?? id.slice(0, 8);
}
