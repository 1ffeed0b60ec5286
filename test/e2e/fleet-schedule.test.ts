import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { FleetUnit, Machine } from '../../src/fleet/client.js';
import { simulate, type Placement, type UnitToPlace } from '../../src/fleet/schedule.js';
import { describeFleet, FLEET_SOURCE, withFleet, type FleetWay } from './lab/fleet.js';
import { requireIsolation } from './lab/isolation.js';
import { TestProject } from './lab/project.js';
import { METADATA, unitSet } from './lab/unit-sets.js';

/** How many sets of units are tried; COREUP_FUZZ_RUNS raises it, up to 200. */
const SETS = Math.min(200, Number(process.env['COREUP_FUZZ_RUNS'] ?? 20));
const ROUND_DEADLINE = 30_000;

describeFleet('what the simulation says and what real fleet does', () => {
  let project: TestProject;
  let machines: readonly Machine[];

  beforeAll(async () => {
    requireIsolation();
    const metadata = Object.fromEntries(METADATA.map((pairs, index) => [`core-0${index + 1}`, pairs]));
    const fleet = { source: FLEET_SOURCE, metadata, engine_reconcile_interval: 0.2 };
    project = await TestProject.create(
      `{ cluster_name: 'e2e-sched', num_instances: 3, fleet: ${JSON.stringify(fleet)} }`,
    );
    expect(await project.coreup(['up'])).toMatchObject({ code: 0 });
    machines = await withFleet(project, ({ client }) => client.machines());
  });
  afterAll(() => project.dispose());

  it(
    `is the same, over ${SETS} generated sets of units`,
    async () => {
      const ids = METADATA.map((metadata) => machineWith(machines, metadata));
      const tally = { sets: 0, stages: 0, units: 0, certain: 0, open: 0, unplaceable: 0, global: 0 };
      await withFleet(project, async (way) => {
        for (let seed = 1; tally.sets < SETS; seed++) {
          const units = new Map<string, UnitToPlace>();
          let real = new Map<string, FleetUnit>();
          let usable = true;
          for (const { units: fresh, retired } of unitSet(seed, ids)) {
            for (const unit of fresh) units.set(unit.name, unit);
            for (const name of retired) retire(units, name);
            const given = [...units.values()].map((unit) => ({
              ...unit,
              machineId: real.get(unit.name)?.machineId ?? '',
            }));
            const placements = simulate(given, machines);
            // Units that drive each other round for ever have no answer to compare.
            usable = !placements.some(isRestless);
            if (!usable) break;
            for (const name of retired) await way.client.setTarget(name, 'inactive');
            for (const { name, options } of fresh) await way.client.put(name, options, 'inactive');
            for (const { name, target } of fresh) await way.client.setTarget(name, target);
            real = await settled(way);
            compare({ seed, given, placements, real });
            await compareGlobals(way, placements, seed);
            tally.stages++;
            for (const placement of placements) count(tally, placement);
          }
          if (usable) tally.sets++;
          await Promise.all([...units.keys()].map((name) => way.client.destroy(name)));
        }
      });
      process.stderr.write(`simulation and fleet agree: ${JSON.stringify(tally)}\n`);
      expect(tally.sets).toBe(SETS);
      expect(tally.certain).toBeGreaterThan(tally.open);
    },
    60_000 + SETS * 20_000,
  );
});

function machineWith(machines: readonly Machine[], metadata: Machine['metadata']): string {
  const found = machines.find((machine) => isDeepStrictEqual({ ...machine.metadata }, { ...metadata }));
  if (!found) throw new Error(`no machine has ${JSON.stringify(metadata)}`);
  return found.id;
}

function retire(units: Map<string, UnitToPlace>, name: string): void {
  const unit = units.get(name);
  if (unit) units.set(name, { ...unit, target: 'inactive' });
}

const isRestless = (placement: Placement): boolean =>
  placement.kind === 'placed' && placement.reason?.includes('round and round') === true;

/** What fleet has once a whole round of its engine has changed nothing. */
async function settled({ client, rounds }: FleetWay): Promise<Map<string, FleetUnit>> {
  let before = '';
  for (;;) {
    const start = await rounds();
    // The round that is running may have begun before the last change; the one after it has not.
    await until(rounds, (now) => now >= start + 2, 'two rounds of the engine');
    const units = await client.units();
    const now = units.map(({ name, machineId }) => `${name}=${machineId}`).join(' ');
    if (now === before) return new Map(units.map((unit) => [unit.name, unit]));
    before = now;
  }
}

interface Compared {
  readonly seed: number;
  readonly given: readonly UnitToPlace[];
  readonly placements: readonly Placement[];
  readonly real: ReadonlyMap<string, FleetUnit>;
}

function compare({ seed, given, placements, real }: Compared): void {
  for (const placement of placements) {
    if (placement.kind === 'global') continue;
    const machineId = real.get(placement.unit)?.machineId ?? 'not known to fleet';
    const allowed = [
      ...(placement.kind === 'placed' ? placement.machineIds : ['']),
      // A machine may take a unit and never load it; that is no reason for the engine to leave it without one.
      ...(placement.kind === 'placed' && placement.mayFail ? [''] : []),
    ];
    if (allowed.includes(machineId)) continue;
    const all = given.map((unit) => [unit, real.get(unit.name)?.machineId]);
    throw new Error(
      `set ${seed}: ${placement.unit} is on "${machineId}", not ${JSON.stringify(placement)}\n${JSON.stringify(all, null, 1)}`,
    );
  }
}

/** Global units have no machine in the schedule: their machines report them, a little later. */
async function compareGlobals({ client }: FleetWay, placements: readonly Placement[], seed: number): Promise<void> {
  for (const placement of placements) {
    if (placement.kind !== 'global') continue;
    const expected = [...placement.machineIds].sort().join(' ');
    await until(
      async () => {
        const states = await client.states();
        return states.filter(({ name }) => name === placement.unit).map(({ machineId }) => machineId);
      },
      (found) => found.sort().join(' ') === expected,
      `set ${seed}: ${placement.unit} on ${expected}`,
    );
  }
}

function count(
  tally: Record<'units' | 'certain' | 'open' | 'unplaceable' | 'global', number>,
  placement: Placement,
): void {
  tally.units++;
  if (placement.kind === 'placed')
    tally[placement.machineIds.length === 1 && !placement.mayFail ? 'certain' : 'open']++;
  else if (placement.kind !== 'inactive') tally[placement.kind]++;
}

/** Asks until the answer is as it should be. */
async function until<T>(ask: () => Promise<T>, right: (answer: T) => boolean, what: string): Promise<T> {
  const deadline = performance.now() + ROUND_DEADLINE;
  for (;;) {
    const answer = await ask();
    if (right(answer)) return answer;
    if (performance.now() > deadline)
      throw new Error(`${what}: not within ${ROUND_DEADLINE / 1000} s, but ${JSON.stringify(answer)}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}
