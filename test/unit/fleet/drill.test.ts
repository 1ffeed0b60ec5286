import { describe, expect, test } from '@jest/globals';
import type { FleetUnit, UnitState } from '../../../src/fleet/client.js';
import { DrillWatch } from '../../../src/fleet/drill.js';
import type { FleetView } from '../../../src/fleet/report.js';
import { letterOf, machine, unit as toPlace } from './support.js';

const REDIS = ['Conflicts=redis@*.service'];

function unit(name: string, on: string, lines: readonly string[] = []): FleetUnit {
  const { options } = toPlace(name, lines);
  return { name, options, desiredState: 'launched', currentState: 'launched', machineId: on.repeat(32) };
}
function state(name: string, on: string, active = 'active'): UnitState {
  return { name, hash: '', machineId: on.repeat(32), load: 'loaded', active, sub: 'running' };
}
const view = (units: readonly FleetUnit[], states: readonly UnitState[], letters = 'abc'): FleetView => ({
  machines: Array.from(letters, (letter) => machine(letter)),
  units,
  states,
});

/** Two units on `a`, which is lost, one of them with a rival on `b`. */
const BEFORE = view(
  [unit('redis@1.service', 'a', REDIS), unit('redis@2.service', 'b', REDIS), unit('web.service', 'a')],
  [state('redis@1.service', 'a'), state('redis@2.service', 'b'), state('web.service', 'a')],
);
const watching = (before = BEFORE): DrillWatch => new DrillWatch(before, 'a'.repeat(32), letterOf);

describe('the units of a lost machine', () => {
  test('are followed to where they are scheduled, and until they run', () => {
    const watch = watching();
    watch.see(BEFORE, 100);
    expect(watch.awaited).toEqual(['redis@1.service', 'web.service']);
    const units = [unit('redis@1.service', 'c', REDIS), unit('redis@2.service', 'b', REDIS), unit('web.service', 'b')];
    watch.see(view(units, [state('web.service', 'b')]), 30_000);
    expect(watch.awaited).toEqual(['redis@1.service']);
    watch.see(view(units, [state('redis@1.service', 'c'), state('web.service', 'b')]), 31_000);
    expect(watch.awaited).toEqual([]);
    expect(watch.moves.map((move) => [move.unit, move.scheduledAfter, move.runningAfter])).toEqual([
      ['redis@1.service', 30_000, 31_000],
      ['web.service', 30_000, 30_000],
    ]);
  });

  test('that no other machine can take are not waited for', () => {
    const before = view([unit('x.service', 'a', ['MachineID=aaaaaaaa'])], [state('x.service', 'a')]);
    const watch = watching(before);
    expect(watch.awaited).toEqual([]);
    expect(watch.moves[0]?.stuck).toBe('no machine has the ID aaaaaaaa');
  });

  test('that did not run before need only be scheduled', () => {
    const watch = watching(view([unit('x.service', 'a')], [state('x.service', 'a', 'failed')]));
    watch.see(view([unit('x.service', 'b')], []), 5);
    expect(watch.awaited).toEqual([]);
  });
});

describe('promises', () => {
  test('are kept where all run apart', () => {
    const watch = watching();
    watch.see(BEFORE, 1);
    expect(watch.broken(BEFORE)).toEqual({ conflicts: [], lost: [] });
  });

  test('a conflict on one machine is told, also when it is over', () => {
    const watch = watching();
    watch.see(view(BEFORE.units, [state('redis@1.service', 'b'), state('redis@2.service', 'b')]), 1);
    watch.see(BEFORE, 2);
    expect(watch.broken(BEFORE).conflicts).toContain('redis@1.service and redis@2.service were on b at the same time');
  });

  test('a unit that is forgotten, wanted otherwise, or does not run again is lost', () => {
    const units = [
      unit('redis@2.service', 'b', REDIS),
      { ...unit('web.service', 'b'), desiredState: 'loaded' as const },
    ];
    expect(watching().broken(view(units, [])).lost).toEqual([
      'redis@1.service: fleet no longer knows it',
      'redis@2.service: it ran before and does not now',
      'web.service: its target state is loaded, not launched',
    ]);
  });

  test('a global unit must run on as many machines as before', () => {
    const global = unit('g.service', '', ['Global=true']);
    const before = view([global], [state('g.service', 'a'), state('g.service', 'b')]);
    expect(watching(before).broken(view([global], [state('g.service', 'b')])).lost).toEqual([
      'g.service: it ran before and does not now',
    ]);
  });
});
