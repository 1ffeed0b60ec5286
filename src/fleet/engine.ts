import { globMatches } from '../units/fleet-values.js';
import type { Machine, TargetState } from './client.js';
import type { Requirements } from './requirements.js';

/** A unit in the eyes of fleet's engine. */
export interface Job {
  readonly name: string;
  readonly wants: Requirements;
  readonly target: TargetState;
}

/** Where each unit is scheduled, by name; global units are never in it. */
export type Schedule = ReadonlyMap<string, string>;

/** Why a machine cannot run a unit, and the unit or key that is in the way. */
export interface Refusal {
  readonly kind: 'id' | 'metadata' | 'peer' | 'conflict';
  readonly by: string;
}

/**
 * The rules by which fleet 1.0.0 schedules, without time: what engine/reconciler.go, engine/state.go, engine/scheduler.go
 * and agent/state.go of its source do with one unit at a time. Nothing here changes a schedule that was given.
 */
export class Engine {
  readonly #jobs: ReadonlyMap<string, Job>;
  readonly #globals: readonly Job[];
  readonly #enemies: ReadonlyMap<string, ReadonlySet<string>>;
  readonly #anyReplaces: boolean;

  constructor(
    jobs: readonly Job[],
    private readonly machines: readonly Machine[],
  ) {
    this.#jobs = new Map(jobs.map((job) => [job.name, job]));
    // fleet counts a global unit wherever it could run, whatever its target state.
    this.#globals = jobs.filter(({ wants }) => wants.global).sort((a, b) => byName(a.name, b.name));
    this.#enemies = enemiesOf(jobs);
    this.#anyReplaces = jobs.some(({ wants }) => wants.replaces.length > 0);
  }

  /** Units that wait for a machine. */
  pending(schedule: Schedule): readonly Job[] {
    return [...this.#jobs.values()].filter(
      ({ name, target, wants }) => !wants.global && target !== 'inactive' && !schedule.has(name),
    );
  }

  /**
   * The machine with the fewest units of those that can run it; of several the one whose ID is the smallest
   * (leastLoadedScheduler.Decide). Global units count like others.
   */
  choose(job: Job, schedule: Schedule): string | undefined {
    return this.#sorted(schedule).find(({ machine, units }) => this.#refusal(job, machine, units) === undefined)
      ?.machine.id;
  }

  /** Why a machine cannot run a unit; undefined if it can (AgentState.AbleToRun). */
  refusal(job: Job, machine: Machine, schedule: Schedule): Refusal | undefined {
    return this.#refusal(job, machine, this.unitsOn(machine, schedule));
  }

  /** Takes away what cannot stay where it is: the machine has gone, or no longer meets the requirements. */
  evict(schedule: Schedule): Schedule {
    let kept = schedule;
    for (let name = this.#misplaced(kept); name !== undefined; name = this.#misplaced(kept)) {
      const gone = name;
      kept = new Map([...kept].filter(([unit]) => unit !== gone));
    }
    return kept;
  }

  /**
   * Units that may have to leave their machine since one `Replaces` the other there, and the machine that they would go
   * to, whatever they require (hasReplace in agent/state.go and DecideReschedule). fleet looks at both units of a pair in
   * no fixed order and moves the other one, so each of them is in the list; where both replace each other, none is.
   */
  displacements(schedule: Schedule): readonly { readonly name: string; readonly machineId: string | undefined }[] {
    if (!this.#anyReplaces) return [];
    return [...schedule].flatMap(([name, machineId]) => {
      const rivals = [...schedule].some(
        ([other, itsMachine]) => other !== name && itsMachine === machineId && this.#replaces(name, other),
      );
      return rivals ? [{ name, machineId: this.#leastLoaded(schedule, machineId) }] : [];
    });
  }

  /** Names of the units that count as being on a machine: what is scheduled there, then global units that fit beside it. */
  unitsOn(machine: Machine, schedule: Schedule): ReadonlySet<string> {
    const units = new Set<string>();
    for (const [name, machineId] of schedule) if (machineId === machine.id) units.add(name);
    for (const global of this.#globals) {
      if (lacking(global.wants, machine) === undefined && this.#enemyAmong(global.name, units) === undefined) {
        units.add(global.name);
      }
    }
    return units;
  }

  /**
   * What the agent of a machine makes of all this: it goes through the units by name, and passes over one that conflicts
   * with an earlier one (desiredAgentState in agent/reconcile.go).
   *
   * @returns by unit, the one it conflicts with; undefined for a unit that runs
   */
  agentView(machine: Machine, schedule: Schedule): ReadonlyMap<string, string | undefined> {
    const scheduled = [...schedule].filter(([, machineId]) => machineId === machine.id).map(([name]) => name);
    const fitting = this.#globals.filter(({ wants }) => lacking(wants, machine) === undefined);
    const running = new Set<string>();
    const view = new Map<string, string | undefined>();
    for (const name of [...scheduled, ...fitting.map((job) => job.name)].sort(byName)) {
      const enemy = this.#enemyAmong(name, running);
      view.set(name, enemy);
      if (enemy === undefined) running.add(name);
    }
    return view;
  }

  #refusal({ name, wants }: Job, machine: Machine, units: ReadonlySet<string>): Refusal | undefined {
    const { machineId } = wants;
    if (machineId !== undefined && machineId !== machine.id && machineId !== machine.id.slice(0, 8)) {
      return { kind: 'id', by: machineId };
    }
    const key = lacking(wants, machine);
    if (key !== undefined) return { kind: 'metadata', by: key };
    const peer = wants.machineOf.find((unit) => !units.has(unit));
    if (peer !== undefined) return { kind: 'peer', by: peer };
    const enemy = this.#enemyAmong(name, units);
    return enemy === undefined ? undefined : { kind: 'conflict', by: enemy };
  }

  #enemyAmong(name: string, units: ReadonlySet<string>): string | undefined {
    const enemies = this.#enemies.get(name);
    if (enemies === undefined) return undefined;
    const [few, many] = enemies.size < units.size ? [enemies, units] : [units, enemies];
    for (const unit of few) if (many.has(unit)) return unit;
    return undefined;
  }

  #misplaced(schedule: Schedule): string | undefined {
    for (const [name, machineId] of schedule) {
      const job = this.#jobs.get(name);
      const machine = this.machines.find(({ id }) => id === machineId);
      if (job === undefined || job.target === 'inactive' || machine === undefined) return name;
      if (this.refusal(job, machine, schedule) !== undefined) return name;
    }
    return undefined;
  }

  #sorted(schedule: Schedule): readonly { readonly machine: Machine; readonly units: ReadonlySet<string> }[] {
    return this.machines
      .map((machine) => ({ machine, units: this.unitsOn(machine, schedule) }))
      .sort((a, b) => a.units.size - b.units.size || byName(a.machine.id, b.machine.id));
  }

  #leastLoaded(schedule: Schedule, except: string): string | undefined {
    return this.#sorted(schedule).find(({ machine }) => machine.id !== except)?.machine.id;
  }

  #replaces(name: string, other: string): boolean {
    const names = (unit: string, target: string): boolean =>
      this.#jobs.get(unit)?.wants.replaces.some((pattern) => globMatches(pattern, target)) ?? false;
    return names(name, other) !== names(other, name);
  }
}

/** The first metadata key of which a machine has none of the wanted values. */
function lacking({ metadata }: Requirements, machine: Machine): string | undefined {
  for (const [key, values] of metadata) {
    const value = machine.metadata[key];
    if (value === undefined || !values.has(value)) return key;
  }
  return undefined;
}

/** Which units conflict, in both directions: a pattern of either is enough. */
function enemiesOf(jobs: readonly Job[]): ReadonlyMap<string, ReadonlySet<string>> {
  const matched = new Map<string, readonly string[]>();
  const namesLike = (pattern: string): readonly string[] => {
    const known = matched.get(pattern);
    if (known !== undefined) return known;
    const names = jobs.map(({ name }) => name).filter((name) => globMatches(pattern, name));
    matched.set(pattern, names);
    return names;
  };
  const enemies = new Map<string, Set<string>>();
  const add = (one: string, other: string): void => {
    enemies.set(one, (enemies.get(one) ?? new Set()).add(other));
  };
  for (const { name, wants } of jobs) {
    for (const other of wants.conflicts.flatMap(namesLike)) {
      if (other === name) continue;
      add(name, other);
      add(other, name);
    }
  }
  return enemies;
}

/** By bytes, as Go compares strings and etcd sorts keys. */
const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
