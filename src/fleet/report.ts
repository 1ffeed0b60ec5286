import type { FleetUnit, Machine, TargetState, UnitState } from './client.js';
import { requirementsOf } from './requirements.js';
import { simulate } from './schedule.js';

/** fleet's view of a host. */
export interface MachineReport {
  readonly id: string;
  readonly ip: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** The member that this machine is; '' for one of another project. */
  readonly member: string;
}

/** A unit on one machine, or one that is on none. */
export interface UnitReport {
  readonly name: string;
  /** ID of the machine that it is on or should be on; '' where there is none. */
  readonly machine: string;
  /** The member that this machine is; '' where it is not known. */
  readonly member: string;
  /** systemd's active state; `unknown` where the machine has not reported lately, `unscheduled` where none was found. */
  readonly active: string;
  /** systemd's sub state; `unknown` and `unscheduled` as above. */
  readonly sub: string;
  /** What is wanted of it; null for a unit that fleet has forgotten and that still runs. */
  readonly target: TargetState | null;
  /** What is wrong or not known. */
  readonly problem?: string;
}

export interface FleetReport {
  readonly machines: readonly MachineReport[];
  readonly units: readonly UnitReport[];
  /** Why nothing is known. */
  readonly problem?: string;
}

/** What fleet said at one moment. */
export interface FleetView {
  readonly machines: readonly Machine[];
  readonly units: readonly FleetUnit[];
  readonly states: readonly UnitState[];
}

/**
 * Brings together what fleet wants (units and where they are scheduled) and what machines report (states). Pure.
 *
 * Reports live as long as agent_ttl (30 s), and a machine that ends its copy of a unit deletes those of all others, too
 * (RemoveUnitState in registry/unit_state.go of fleet 1.0.0): a unit without a report is not gone, its state is unknown.
 *
 * @param memberOf name of the member with this machine ID, undefined where none has it
 */
export function fleetReport(view: FleetView, memberOf: (machineId: string) => string | undefined): FleetReport {
  const nameOf = (id: string): string => memberOf(id) ?? id.slice(0, 8);
  const machines = view.machines.map(({ id, ip, metadata }) => ({ id, ip, metadata, member: memberOf(id) ?? '' }));
  const reasons = reasonsOf(view, nameOf);
  const alive = new Set(view.machines.map(({ id }) => id));
  const known = new Set(view.units.map(({ name }) => name));
  const forgotten = view.states.filter(({ name }) => !known.has(name));

  const row = (
    { name, desiredState }: Pick<FleetUnit, 'name'> & { readonly desiredState: TargetState | null },
    machine: string,
    state: Pick<UnitState, 'active' | 'sub'>,
    problem?: string,
  ): UnitReport => ({
    name,
    machine,
    member: memberOf(machine) ?? '',
    active: state.active,
    sub: state.sub,
    target: desiredState,
    ...(problem === undefined ? {} : { problem }),
  });

  const units = view.units.flatMap((unit): readonly UnitReport[] => {
    const states = view.states.filter(({ name }) => name === unit.name);
    const places = placesOf(unit, view.machines);
    const rows = places.map((id) => {
      const state = states.find(({ machineId }) => machineId === id);
      if (state) return row(unit, id, state);
      const why = alive.has(id)
        ? 'has not reported on it lately'
        : 'has not reported in: fleet gives the unit to another';
      return row(unit, id, UNKNOWN, `${nameOf(id)} ${why}`);
    });
    const strays = states
      .filter(({ machineId }) => !places.includes(machineId))
      .map((state) => row(unit, state.machineId, state, strayText(unit, nameOf)));
    if (rows.length + strays.length > 0) return [...rows, ...strays];
    if (unit.desiredState === 'inactive') return [row(unit, '', INACTIVE)];
    return [row(unit, '', UNSCHEDULED, reasons.get(unit.name))];
  });
  return {
    machines,
    units: [
      ...units,
      ...forgotten.map((state) =>
        row({ name: state.name, desiredState: null }, state.machineId, state, 'fleet no longer knows the unit'),
      ),
    ],
  };
}

const UNKNOWN = { active: 'unknown', sub: 'unknown' };
const UNSCHEDULED = { active: 'unscheduled', sub: 'unscheduled' };
/** A unit that is only submitted is on no machine. */
const INACTIVE = { active: 'inactive', sub: 'dead' };

/** Where a unit should be: the machine it is scheduled on, or all that a global unit can run on. */
function placesOf(unit: FleetUnit, machines: readonly Machine[]): readonly string[] {
  if (unit.desiredState === 'inactive') return [];
  const { global, metadata } = requirementsOf(unit.name, unit.options);
  if (!global) return unit.machineId === '' ? [] : [unit.machineId];
  return machines
    .filter((machine) => [...metadata].every(([key, values]) => values.has(machine.metadata[key] ?? '')))
    .map(({ id }) => id);
}

function strayText({ desiredState, machineId }: FleetUnit, nameOf: (id: string) => string): string | undefined {
  if (desiredState === 'inactive') return undefined;
  return machineId === '' ? undefined : `another copy: fleet has it on ${nameOf(machineId)}`;
}

/** Why units that wait for a machine get none. */
function reasonsOf({ machines, units }: FleetView, machineName: (id: string) => string): ReadonlyMap<string, string> {
  const waiting = units.some(({ desiredState, machineId }) => desiredState !== 'inactive' && machineId === '');
  if (!waiting) return new Map();
  const given = units.map(({ name, options, desiredState, machineId }) => ({
    name,
    options,
    target: desiredState,
    machineId,
  }));
  return new Map(
    simulate(given, machines, { machineName }).flatMap((placement) =>
      'reason' in placement ? [[placement.unit, placement.reason] as const] : [],
    ),
  );
}
