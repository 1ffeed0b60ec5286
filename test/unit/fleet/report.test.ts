import { describe, expect, test } from '@jest/globals';
import type { FleetUnit, TargetState, UnitState } from '../../../src/fleet/client.js';
import { fleetReport, type FleetView } from '../../../src/fleet/report.js';
import { machine, unit as toPlace } from './support.js';

const MEMBERS: Readonly<Record<string, string>> = { a: 'core-01', b: 'core-02', c: 'core-03' };
const memberOf = (id: string): string | undefined => MEMBERS[id.charAt(0)];

function unit(
  name: string,
  on: string,
  desiredState: TargetState = 'launched',
  lines: readonly string[] = [],
): FleetUnit {
  return {
    name,
    options: toPlace(name, lines).options,
    desiredState,
    currentState: desiredState,
    machineId: on.repeat(32),
  };
}
function state(name: string, on: string, active = 'active', sub = 'running'): UnitState {
  return { name, hash: '', machineId: on.repeat(32), load: 'loaded', active, sub };
}
/** One line for each unit: `name member active/sub target (problem)`. */
function lines(view: Partial<FleetView>): string[] {
  const whole = { machines: [machine('a', 'disk=ssd'), machine('b')], units: [], states: [], ...view };
  return fleetReport(whole, memberOf).units.map(
    ({ name, member, active, sub, target, problem }) =>
      `${name} ${member || '-'} ${active}/${sub} ${target}${problem === undefined ? '' : ` (${problem})`}`,
  );
}

describe('machines', () => {
  test('have the names of their members, as far as these are known', () => {
    const { machines } = fleetReport(
      { machines: [machine('a', 'disk=ssd'), machine('x')], units: [], states: [] },
      memberOf,
    );
    expect(machines).toEqual([
      { id: 'a'.repeat(32), ip: '', metadata: { disk: 'ssd' }, member: 'core-01' },
      { id: 'x'.repeat(32), ip: '', metadata: {}, member: '' },
    ]);
  });
});

describe('units', () => {
  test('are where they are scheduled, in the state that the machine reports', () => {
    const units = [unit('x.service', 'a'), unit('y.service', 'b', 'loaded')];
    const states = [state('x.service', 'a'), state('y.service', 'b', 'inactive', 'dead')];
    expect(lines({ units, states })).toEqual([
      'x.service core-01 active/running launched',
      'y.service core-02 inactive/dead loaded',
    ]);
  });

  test('without a report are unknown, not gone', () => {
    expect(lines({ units: [unit('x.service', 'a'), unit('y.service', 'c')] })).toEqual([
      'x.service core-01 unknown/unknown launched (core-01 has not reported on it lately)',
      'y.service core-03 unknown/unknown launched (core-03 has not reported in: fleet gives the unit to another)',
    ]);
  });

  test('that run twice are shown twice', () => {
    const states = [state('x.service', 'a'), state('x.service', 'b')];
    expect(lines({ units: [unit('x.service', 'b')], states })).toEqual([
      'x.service core-02 active/running launched',
      'x.service core-01 active/running launched (another copy: fleet has it on core-02)',
    ]);
  });

  test('that wait for a machine say why', () => {
    expect(
      lines({ units: [unit('x.service', '', 'launched', ['MachineMetadata=disk=tape']), unit('y.service', '')] }),
    ).toEqual([
      'x.service - unscheduled/unscheduled launched (no machine has disk=tape)',
      'y.service - unscheduled/unscheduled launched',
    ]);
  });

  test('that are only submitted are inactive; one that still ends is where it is', () => {
    expect(
      lines({
        units: [unit('x@.service', '', 'inactive'), unit('y.service', '', 'inactive')],
        states: [state('y.service', 'b', 'deactivating', 'stop-sigterm')],
      }),
    ).toEqual(['x@.service - inactive/dead inactive', 'y.service core-02 deactivating/stop-sigterm inactive']);
  });

  test('that are global have a row for each machine that fits', () => {
    const states = [state('g.service', 'b')];
    expect(lines({ units: [unit('g.service', '', 'launched', ['Global=true'])], states })).toEqual([
      'g.service core-01 unknown/unknown launched (core-01 has not reported on it lately)',
      'g.service core-02 active/running launched',
    ]);
    expect(
      lines({ units: [unit('g.service', '', 'launched', ['Global=true', 'MachineMetadata=disk=ssd'])] }),
    ).toHaveLength(1);
  });

  test('that were destroyed and still run', () => {
    expect(lines({ states: [state('x.service', 'a')] })).toEqual([
      'x.service core-01 active/running null (fleet no longer knows the unit)',
    ]);
  });
});
