import type { Machine, TargetState, UnitOption } from './client.js';
import { Engine, type Job } from './engine.js';
import { explore, type Ends } from './explore.js';
import { metadataText, reasonFor, refusalsOf, type Scene } from './reason.js';
import { requirementsOf } from './requirements.js';

/** A unit that is to be scheduled, or that fleet has scheduled already. */
export interface UnitToPlace {
  readonly name: string;
  readonly options: readonly UnitOption[];
  readonly target: TargetState;
  /** ID of the machine where fleet has it now; undefined or '' for a unit that is new or waits for a machine. */
  readonly machineId?: string;
}

/** What fleet will make of one unit. */
export type Placement =
  | {
      readonly unit: string;
      readonly kind: 'placed';
      /** The machine that is expected, the first of `machines`. */
      readonly machineId: string;
      /**
       * Every machine that it can come to: fleet takes units that wait at the same time in no fixed order. One entry means
       * that the answer is certain.
       */
      readonly machineIds: readonly string[];
      /** Whether it may also find no machine, depending on that order; then `reason` says why. */
      readonly mayFail: boolean;
      readonly reason?: string;
    }
  | {
      readonly unit: string;
      readonly kind: 'global';
      /** Where it will run. */
      readonly machineIds: readonly string[];
      /** Why it will not run on the others, by machine ID. */
      readonly refusals: ReadonlyMap<string, string>;
    }
  | {
      readonly unit: string;
      readonly kind: 'unplaceable';
      /** One sentence for a person, without the unit's name: `no machine has disk=ssd`. */
      readonly reason: string;
      /** The same by machine ID; empty where there is no machine. */
      readonly refusals: ReadonlyMap<string, string>;
    }
  /** Target state inactive: fleet does not schedule it. */
  | { readonly unit: string; readonly kind: 'inactive' };

export interface SimulateOptions {
  /** What people call a machine, for the reasons; otherwise the first eight characters of its ID, as fleetctl prints it. */
  readonly machineName?: (id: string) => string;
}

/**
 * What fleet's engine will do with units on the machines there are. Pure; the rules are those of fleet 1.0.0 (engine.ts).
 *
 * @param units all that fleet knows or will be given, as if all were submitted before the first is wanted: others that run
 * there take part, too
 * @returns one placement for each unit, in the order of `units`
 */
export function simulate(
  units: readonly UnitToPlace[],
  machines: readonly Machine[],
  { machineName = (id) => id.slice(0, 8) }: SimulateOptions = {},
): readonly Placement[] {
  const jobs = units.map(({ name, options, target }) => ({ name, target, wants: requirementsOf(name, options) }));
  const engine = new Engine(jobs, machines);
  const given = new Map(
    units.flatMap(({ name, machineId = '' }, index) =>
      machineId === '' || jobs[index]?.wants.global === true ? [] : [[name, machineId] as const],
    ),
  );
  const ends = explore(engine, given);
  const scene = { engine, machines, jobs: new Map(jobs.map((job) => [job.name, job])), nameOf: machineName };
  const views = new Map(machines.map((machine) => [machine.id, engine.agentView(machine, ends.expected)]));
  return jobs.map((job) => {
    if (job.target === 'inactive') return { unit: job.name, kind: 'inactive' };
    return job.wants.global ? globalPlacement(job, scene, views) : placement(job, scene, ends, views);
  });
}

type Views = ReadonlyMap<string, ReturnType<Engine['agentView']>>;

function placement(job: Job, scene: Omit<Scene, 'schedule'>, ends: Ends, views: Views): Placement {
  const unit = job.name;
  const possible = [...new Set(ends.all.flatMap((end) => end.get(unit) ?? []))].sort();
  const machineId = ends.expected.get(unit) ?? possible[0];
  const failed = ends.all.find((end) => !end.has(unit));
  const reason = failed && reasonFor(job, { ...scene, schedule: failed });
  if (machineId === undefined) {
    const refusals = refusalsOf(job, { ...scene, schedule: ends.expected });
    return { unit, kind: 'unplaceable', reason: reason ?? 'there is no machine', refusals };
  }
  const blocker = views.get(machineId)?.get(unit);
  const trouble =
    (ends.restless.has(unit)
      ? 'fleet may move it round and round: it replaces or is replaced wherever it goes'
      : undefined) ??
    reason ??
    (blocker === undefined
      ? undefined
      : `the machine gets it but does not load it: it conflicts with ${blocker}, whose name comes first`);
  return {
    unit,
    kind: 'placed',
    machineId,
    machineIds: [machineId, ...possible.filter((id) => id !== machineId)],
    mayFail: trouble !== undefined,
    ...(trouble === undefined ? {} : { reason: trouble }),
  };
}

function globalPlacement(
  { name, wants }: Job,
  { machines, ...scene }: Omit<Scene, 'schedule'>,
  views: Views,
): Placement {
  const refusals = new Map<string, string>();
  for (const { id, metadata } of machines) {
    const lacking = [...wants.metadata].find(([key, values]) => !values.has(metadata[key] ?? ''));
    const blocker = views.get(id)?.get(name);
    if (lacking !== undefined) refusals.set(id, `it does not have ${metadataText(wants, lacking[0])}`);
    else if (blocker !== undefined) refusals.set(id, `${blocker} is there, and the two conflict`);
  }
  const machineIds = machines.map(({ id }) => id).filter((id) => !refusals.has(id));
  if (machineIds.length > 0) return { unit: name, kind: 'global', machineIds, refusals };
  const blockers = [...refusals].map(([id, why]) => `${scene.nameOf(id)}: ${why}`);
  const none = machines.length === 0 ? 'there is no machine' : `no machine can run it (${blockers.join('; ')})`;
  return { unit: name, kind: 'unplaceable', reason: none, refusals };
}
