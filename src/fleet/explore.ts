import type { Engine, Schedule } from './engine.js';

/** How the units may end up. */
export interface Ends {
  /** Where they come to if fleet takes those that wait in the given order. */
  readonly expected: Schedule;
  /** Every end that was found, the expected one included. */
  readonly all: readonly Schedule[];
  /** Units that may go round in circles: they replace each other. */
  readonly restless: ReadonlySet<string>;
}

/** Up to here all orders are gone through; beyond, only some. */
const MOST_STATES = 3000;
const MOST_PENDING = 7;
/** Moves of units that replace each other before they count as restless. */
const MOST_MOVES = 100;

/**
 * Goes through the orders in which fleet may take the units that wait: its engine keeps them in a Go map, which has no order
 * (calculateClusterTasks in engine/reconciler.go), and units may arrive one by one or together.
 */
export function explore(engine: Engine, given: Schedule): Ends {
  const start = engine.evict(given);
  const pending = engine.pending(start).map(({ name }) => name);
  const { end: expected, restless } = follow(engine, start, pending);
  const whole = pending.length <= MOST_PENDING ? everyWay(engine, start) : undefined;
  if (whole === undefined) return { expected, all: unique([expected, ...someEnds(engine, start, pending)]), restless };
  const ends = whole.filter(({ next }) => next.length === 0).map(({ schedule }) => schedule);
  return { expected, all: unique([expected, ...ends]), restless: new Set([...restless, ...circling(whole)]) };
}

/** The end of one order. */
function follow(
  engine: Engine,
  start: Schedule,
  order: readonly string[],
): { readonly end: Schedule; readonly restless: ReadonlySet<string> } {
  const rank = new Map(order.map((name, index) => [name, index]));
  const restless = new Set<string>();
  let schedule = start;
  for (let moves = 0; ; moves++) {
    schedule = placeAll(engine, schedule, rank);
    const [move] = engine.displacements(schedule);
    if (move === undefined) return { end: schedule, restless: new Set() };
    if (moves > MOST_MOVES) restless.add(move.name);
    if (moves > 2 * MOST_MOVES) return { end: schedule, restless };
    schedule = engine.evict(moved(schedule, move.name, move.machineId));
  }
}

function placeAll(engine: Engine, start: Schedule, rank: ReadonlyMap<string, number>): Schedule {
  let schedule = start;
  for (let placed = true; placed;) {
    placed = false;
    const waiting = [...engine.pending(schedule)].sort((a, b) => (rank.get(a.name) ?? 0) - (rank.get(b.name) ?? 0));
    for (const job of waiting) {
      const machineId = engine.choose(job, schedule);
      if (machineId === undefined) continue;
      schedule = moved(schedule, job.name, machineId);
      placed = true;
    }
  }
  return schedule;
}

/** A schedule, and the keys of those that fleet can make of it. */
interface Way {
  readonly schedule: Schedule;
  readonly next: readonly string[];
}

/** Every schedule that can come up, or undefined where there are too many. */
function everyWay(engine: Engine, start: Schedule): readonly Way[] | undefined {
  const ways = new Map<string, Way>();
  const open = [start];
  for (let schedule = open.pop(); schedule !== undefined; schedule = open.pop()) {
    const key = keyOf(schedule);
    if (ways.has(key)) continue;
    const next = steps(engine, schedule);
    ways.set(key, { schedule, next: next.map(keyOf) });
    open.push(...next);
    if (ways.size > MOST_STATES) return undefined;
  }
  return [...ways.values()];
}

/** Units whose machine differs between schedules that follow each other in a circle. */
function circling(ways: readonly Way[]): readonly string[] {
  let left = new Map(ways.map((way) => [keyOf(way.schedule), way]));
  for (let size = Infinity; left.size < size;) {
    size = left.size;
    const reached = new Set([...left.values()].flatMap(({ next }) => next));
    // What leads nowhere but to an end is in no circle, and neither is what nothing leads to.
    const rest = [...left].filter(([key, { next }]) => reached.has(key) && next.some((other) => left.has(other)));
    left = new Map(rest);
  }
  const names = new Set([...left.values()].flatMap(({ schedule }) => [...schedule.keys()]));
  return [...names].filter((name) => new Set([...left.values()].map(({ schedule }) => schedule.get(name))).size > 1);
}

/** Every schedule that fleet can make of this one by moving one unit. */
function steps(engine: Engine, schedule: Schedule): readonly Schedule[] {
  const placed = engine.pending(schedule).flatMap((job) => {
    const machineId = engine.choose(job, schedule);
    return machineId === undefined ? [] : [moved(schedule, job.name, machineId)];
  });
  const displaced = engine
    .displacements(schedule)
    .map(({ name, machineId }) => engine.evict(moved(schedule, name, machineId)));
  return [...placed, ...displaced];
}

function someEnds(engine: Engine, start: Schedule, pending: readonly string[]): readonly Schedule[] {
  const orders = [[...pending].reverse(), [...pending].sort(), ...shuffles(pending, pending.length > 200 ? 2 : 20)];
  return orders.map((order) => follow(engine, start, order).end);
}

/** Orders that look random and are the same in every run. */
function shuffles(names: readonly string[], count: number): readonly (readonly string[])[] {
  let seed = 1;
  const next = (below: number): number => {
    // The "minimal standard" generator of Park and Miller.
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  return Array.from({ length: count }, () => {
    const left = [...names];
    return names.map(() => left.splice(next(left.length), 1)[0] ?? '');
  });
}

function moved(schedule: Schedule, name: string, machineId: string | undefined): Schedule {
  const result = new Map(schedule);
  result.delete(name);
  if (machineId !== undefined) result.set(name, machineId);
  return result;
}

function unique(schedules: readonly Schedule[]): readonly Schedule[] {
  return [...new Map(schedules.map((schedule) => [keyOf(schedule), schedule])).values()];
}

const keyOf = (schedule: Schedule): string =>
  [...schedule]
    .map((entry) => entry.join('='))
    .sort()
    .join(' ');
