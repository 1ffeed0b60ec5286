import { globMatches } from '../units/fleet-values.js';
import type { FleetUnit } from './client.js';
import type { FleetView } from './report.js';
import { requirementsOf, type Requirements } from './requirements.js';
import { simulate } from './schedule.js';

/** What became of one unit of the machine that was lost. Times in milliseconds since then. */
export interface UnitMove {
  readonly unit: string;
  /** ID of its new machine; undefined as long as it has none. */
  readonly machineId: string | undefined;
  /** When fleet gave it to the new machine. */
  readonly scheduledAfter: number | undefined;
  /** When the new machine reported it as active; undefined for one that was not active before, too. */
  readonly runningAfter: number | undefined;
  /** Why no other machine can take it; it then waits for its own. */
  readonly stuck: string | undefined;
}

/** What fleet promises and a drill checks, as sentences about where it was broken. */
export interface BrokenPromises {
  /** Two units that conflict were on one machine. */
  readonly conflicts: readonly string[];
  /** Units that fleet forgot, wants otherwise, or that no longer run. */
  readonly lost: readonly string[];
}

interface Moving {
  readonly unit: FleetUnit;
  readonly ran: boolean;
  readonly stuck: string | undefined;
  machineId?: string;
  scheduledAfter?: number;
  runningAfter?: number;
}

/**
 * Watches what fleet makes of the loss of a machine. Pure: it is shown what fleet says, again and again, and keeps account.
 */
export class DrillWatch {
  readonly #moving: readonly Moving[];
  readonly #conflicts = new Set<string>();
  readonly #wants: ReadonlyMap<string, Requirements>;

  /**
   * @param before what fleet said before
   * @param lost ID of the machine that is lost
   * @param nameOf what people call a machine
   */
  constructor(
    private readonly before: FleetView,
    private readonly lost: string,
    private readonly nameOf: (machineId: string) => string,
  ) {
    this.#wants = new Map(before.units.map(({ name, options }) => [name, requirementsOf(name, options)]));
    const stuck = stuckWithout(before, lost, nameOf);
    this.#moving = before.units
      .filter(({ machineId, desiredState }) => machineId === lost && desiredState !== 'inactive')
      .map((unit) => ({ unit, ran: this.#ran(unit.name, lost), stuck: stuck.get(unit.name) }));
  }

  /** @param after milliseconds since the loss */
  see(view: FleetView, after: number): void {
    for (const move of this.#moving) this.#follow(move, view, after);
    for (const broken of this.#togetherIn(view)) this.#conflicts.add(broken);
  }

  /** Units that another machine could take, and that are not there yet. */
  get awaited(): readonly string[] {
    return this.#moving
      .filter(({ stuck, ran, scheduledAfter, runningAfter }) => {
        if (stuck !== undefined) return false;
        return scheduledAfter === undefined || (ran && runningAfter === undefined);
      })
      .map(({ unit }) => unit.name);
  }

  get moves(): readonly UnitMove[] {
    return this.#moving.map(({ unit, machineId, scheduledAfter, runningAfter, stuck }) => ({
      unit: unit.name,
      machineId,
      scheduledAfter,
      runningAfter,
      stuck,
    }));
  }

  /** What is not as it was before: to be asked once the machine is back. */
  broken(view: FleetView): BrokenPromises {
    const lost = this.before.units.flatMap(({ name, desiredState }) => {
      const now = view.units.find((unit) => unit.name === name);
      if (now === undefined) return [`${name}: fleet no longer knows it`];
      if (now.desiredState !== desiredState)
        return [`${name}: its target state is ${now.desiredState}, not ${desiredState}`];
      const wanted = this.before.states.filter((state) => state.name === name && state.active === 'active').length;
      const running = view.states.filter((state) => state.name === name && state.active === 'active').length;
      const enough = this.#wants.get(name)?.global === true ? wanted : Math.min(wanted, 1);
      return running >= enough || desiredState !== 'launched' ? [] : [`${name}: it ran before and does not now`];
    });
    return { conflicts: [...this.#conflicts], lost };
  }

  #ran(name: string, machineId: string): boolean {
    return this.before.states.some(
      (state) => state.name === name && state.machineId === machineId && state.active === 'active',
    );
  }

  #follow(move: Moving, { units, states }: FleetView, after: number): void {
    const { name } = move.unit;
    const machineId = units.find((unit) => unit.name === name)?.machineId ?? '';
    if (machineId === '' || machineId === this.lost) return;
    if (move.machineId !== machineId) {
      move.machineId = machineId;
      move.scheduledAfter = after;
      delete move.runningAfter;
    }
    const runs = states.some(
      (state) => state.name === name && state.machineId === machineId && state.active === 'active',
    );
    if (runs) move.runningAfter ??= after;
  }

  /** Conflicting units that are up on one machine. */
  #togetherIn({ states }: FleetView): readonly string[] {
    const up = states.filter(({ active }) => active === 'active' || active === 'activating');
    return up.flatMap(({ name, machineId }) => {
      const patterns = this.#wants.get(name)?.conflicts ?? [];
      if (patterns.length === 0) return [];
      return up
        .filter((other) => other.machineId === machineId && other.name !== name)
        .filter((other) => patterns.some((pattern) => globMatches(pattern, other.name)))
        .map((other) => `${name} and ${other.name} were on ${this.nameOf(machineId)} at the same time`);
    });
  }
}

/** Units of a machine that no other one can take, with the reason. */
function stuckWithout(
  { units, machines }: FleetView,
  lost: string,
  machineName: (id: string) => string,
): ReadonlyMap<string, string> {
  const given = units.map(({ name, options, desiredState, machineId }) => ({
    name,
    options,
    target: desiredState,
    machineId: machineId === lost ? '' : machineId,
  }));
  const left = machines.filter(({ id }) => id !== lost);
  return new Map(
    simulate(given, left, { machineName }).flatMap((placement) =>
      placement.kind === 'unplaceable' ? [[placement.unit, placement.reason] as const] : [],
    ),
  );
}
