import { describe, expect, test } from '@jest/globals';
import type { Machine } from '../../../src/fleet/client.js';
import { simulate, type UnitToPlace } from '../../../src/fleet/schedule.js';
import { letterOf, machine, unit } from './support.js';

const THREE = [machine('a'), machine('b'), machine('c')];

/** `redis@1.service a` or `a|b` for what may differ, `*ab` for a global unit, `? reason`, `! reason` for what never runs. */
function outcome(units: readonly UnitToPlace[], machines: readonly Machine[] = THREE): string[] {
  return simulate(units, machines, { machineName: letterOf }).map((placement) => {
    switch (placement.kind) {
      case 'inactive':
        return `${placement.unit} -`;
      case 'global':
        return `${placement.unit} *${placement.machineIds.map(letterOf).join('')}`;
      case 'unplaceable':
        return `${placement.unit} ! ${placement.reason}`;
      case 'placed': {
        const places = placement.machineIds.map(letterOf).join('|');
        return `${placement.unit} ${places}${placement.mayFail ? ` ? ${placement.reason}` : ''}`;
      }
    }
  });
}

describe('where units go', () => {
  test('to the machine with the fewest, of several the smallest ID', () => {
    expect(
      outcome([unit('x.service', [], { on: 'a' }), unit('y.service', [], { on: 'c' }), unit('z.service')]),
    ).toEqual(['x.service a', 'y.service c', 'z.service b']);
  });

  test('two alike come to two machines, in no fixed order', () => {
    expect(outcome([unit('x@1.service'), unit('x@2.service')])).toEqual(['x@1.service a|b', 'x@2.service b|a']);
  });

  test('one that is inactive goes nowhere and takes no place', () => {
    expect(outcome([unit('x.service', [], { target: 'inactive' }), unit('y.service')])).toEqual([
      'x.service -',
      'y.service a',
    ]);
  });

  test('a global unit counts on every machine that it can run on, whatever its target state', () => {
    const global = unit('g.service', ['Global=true', 'MachineMetadata=disk=ssd'], { target: 'inactive' });
    const machines = [machine('a', 'disk=ssd'), machine('b')];
    expect(outcome([global, unit('x.service')], machines)).toEqual(['g.service -', 'x.service b']);
  });

  test('a unit stays where it is, also where another machine has fewer', () => {
    const units = [unit('x.service', [], { on: 'b' }), unit('y.service', [], { on: 'b' })];
    expect(outcome(units)).toEqual(['x.service b', 'y.service b']);
  });

  test('what was on a machine that has gone comes to another', () => {
    expect(outcome([unit('x.service', [], { on: 'z' }), unit('y.service', [], { on: 'a' })])).toEqual([
      'x.service b',
      'y.service a',
    ]);
  });

  test('a unit that no longer meets what it asks for moves, and one that wants its machine goes with it', () => {
    const machines = [machine('a'), machine('b', 'disk=ssd')];
    const units = [
      unit('db.service', ['MachineMetadata=disk=ssd'], { on: 'a' }),
      unit('web.service', ['MachineOf=db.service'], { on: 'a' }),
    ];
    expect(outcome(units, machines)).toEqual(['db.service b', 'web.service b']);
  });
});

describe('MachineMetadata', () => {
  const machines = [
    machine('a', 'disk=hdd region=eu'),
    machine('b', 'disk=ssd region=us'),
    machine('c', 'disk=ssd region=eu'),
  ];

  test.each([
    ['all of several keys', ['MachineMetadata="disk=ssd" "region=eu"'], 'x.service c'],
    ['all of several keys in several lines', ['MachineMetadata=disk=ssd', 'MachineMetadata=region=us'], 'x.service b'],
    ['any of several values of a key', ['MachineMetadata=disk=ssd', 'MachineMetadata=disk=hdd'], 'x.service a'],
    ['the old spelling', ['X-ConditionMachineMetadata=region=us'], 'x.service b'],
    ['what fleet passes over', ['MachineMetadata=disk=ssd=x', 'MachineMetadata=region='], 'x.service a'],
    ['what no machine has', ['MachineMetadata=disk=nvme'], 'x.service ! no machine has disk=nvme'],
    [
      'what no machine has together',
      ['MachineMetadata="disk=hdd" "disk=tape" "region=us"'],
      'x.service ! no machine has disk=hdd or disk=tape, and region=us',
    ],
  ])('%s', (_what, lines, expected) => {
    expect(outcome([unit('x.service', lines)], machines)).toEqual([expected]);
  });
});

describe('MachineID', () => {
  test('the whole ID or its first eight characters', () => {
    const units = [unit('x.service', [`MachineID=${'c'.repeat(32)}`]), unit('y.service', ['MachineID=bbbbbbbb'])];
    expect(outcome(units)).toEqual(['x.service c', 'y.service b']);
  });

  test('a machine that is not there, and one without the metadata', () => {
    const units = [
      unit('x.service', ['MachineID=dddddddd']),
      unit('y.service', ['MachineID=bbbbbbbb', 'MachineMetadata=disk=ssd']),
    ];
    expect(outcome(units)).toEqual([
      'x.service ! no machine has the ID dddddddd',
      'y.service ! b does not have disk=ssd',
    ]);
  });
});

describe('MachineOf', () => {
  test('beside the unit that it names, also one that comes later, and a global one', () => {
    const units = [
      unit('web.service', ['MachineOf=db.service']),
      unit('db.service', ['MachineID=cccccccc']),
      unit('g.service', ['Global=true']),
      unit('h.service', ['MachineOf=g.service']),
    ];
    expect(outcome(units)).toEqual(['web.service c', 'db.service c', 'g.service *abc', 'h.service a']);
  });

  test.each([
    ['a unit that fleet does not know', [], 'web.service ! MachineOf names db.service, which fleet does not know'],
    [
      'an inactive one',
      [unit('db.service', [], { target: 'inactive' })],
      'web.service ! MachineOf names db.service, whose target state is inactive',
    ],
    [
      'one that finds no machine',
      [unit('db.service', ['MachineMetadata=disk=ssd'])],
      'web.service ! MachineOf names db.service, which finds no machine itself (no machine has disk=ssd)',
    ],
    [
      'one that waits for it in turn',
      [unit('db.service', ['MachineOf=web.service'])],
      'web.service ! MachineOf names db.service, which finds no machine itself',
    ],
  ])('%s', (_what, others, expected) => {
    expect(outcome([unit('web.service', ['MachineOf=db.service']), ...others])[0]).toBe(expected);
  });

  test('two units that are on different machines, and a machine that it cannot use', () => {
    const units = [
      unit('one.service', [], { on: 'a' }),
      unit('two.service', [], { on: 'b' }),
      unit('x.service', ['MachineOf=one.service', 'MachineOf=two.service']),
      unit('y.service', ['MachineOf=one.service', 'MachineMetadata=disk=ssd']),
    ];
    expect(outcome(units, [machine('a'), machine('b', 'disk=ssd')]).slice(2)).toEqual([
      'x.service ! one.service and two.service are not on one machine',
      'y.service ! one.service is on a, which is none of those with disk=ssd',
    ]);
  });
});

describe('Conflicts', () => {
  test('instances spread, and one too many has no machine', () => {
    const units = [1, 2, 3, 4].map((number) => unit(`redis@${number}.service`, ['Conflicts=redis@*.service']));
    expect(outcome(units.slice(0, 3))).toEqual([
      'redis@1.service a|b|c',
      'redis@2.service b|a|c',
      'redis@3.service c|a|b',
    ]);
    expect(outcome(units)[3]).toMatch(/^redis@4\.service a\|b\|c \? it conflicts with redis@\d\.service on a, with /);
  });

  test('the pattern of the other one counts, too, and so do old spelling and several in a line', () => {
    const units = [
      unit('x.service', ['X-Conflicts=nothing.service y.*'], { on: 'a' }),
      unit('z.service', ['MachineMetadata=disk=ssd', 'Conflicts=%p2.service']),
      unit('z2.service', ['MachineOf=z.service']),
      unit('y.service', ['MachineMetadata=disk=ssd']),
    ];
    expect(outcome(units, [machine('a', 'disk=ssd')])).toEqual([
      'x.service a',
      'z.service a',
      'z2.service ! it conflicts with z.service on a, and no other machine beside z.service is there',
      'y.service ! it conflicts with x.service on a, and no other machine is there',
    ]);
  });

  test('with a global unit, which is there first', () => {
    const units = [
      unit('x.service', ['Conflicts=g.service']),
      unit('g.service', ['Global=true', 'MachineMetadata=disk=ssd']),
    ];
    expect(outcome(units, [machine('a', 'disk=ssd'), machine('b')])).toEqual(['x.service b', 'g.service *a']);
    expect(outcome(units, [machine('a', 'disk=ssd')])).toEqual([
      'x.service ! it conflicts with g.service on a, and no other machine is there',
      'g.service *a',
    ]);
  });

  test('with a global unit that comes when it runs already: the machine loads the one whose name comes first', () => {
    const global = (name: string) => unit(name, ['Global=true', 'Conflicts=m.service']);
    expect(outcome([unit('m.service', [], { on: 'a' }), global('z.service')])).toEqual([
      'm.service a',
      'z.service *bc',
    ]);
    expect(outcome([unit('m.service', [], { on: 'a' }), global('b.service')])).toEqual([
      'm.service a ? the machine gets it but does not load it: it conflicts with b.service, whose name comes first',
      'b.service *abc',
    ]);
  });
});

describe('Replaces', () => {
  test('one of the two leaves the machine, and fleet does not say which', () => {
    const units = [
      unit('old.service', [], { on: 'a' }),
      unit('new.service', ['Replaces=old.service', 'MachineMetadata=disk=ssd']),
    ];
    expect(outcome(units, [machine('a', 'disk=ssd'), machine('b', 'disk=ssd')])).toEqual([
      'old.service a',
      'new.service b',
    ]);
    const two = [unit('old.service', [], { on: 'a' }), unit('new.service', ['Replaces=old.service'], { on: 'a' })];
    expect(outcome(two, [machine('a'), machine('b')])).toEqual(['old.service b|a', 'new.service a|b']);
  });

  test('on a single machine neither of them comes to rest', () => {
    const units = [unit('old.service', [], { on: 'a' }), unit('new.service', ['Replaces=old.service'])];
    expect(outcome(units, [machine('a')])).toEqual([
      'old.service a ? fleet may move it round and round: it replaces or is replaced wherever it goes',
      'new.service a ? fleet may move it round and round: it replaces or is replaced wherever it goes',
    ]);
  });
});

describe('bounds', () => {
  test('no machine at all', () => {
    expect(outcome([unit('x.service'), unit('g.service', ['Global=yes'])], [])).toEqual([
      'x.service ! there is no machine',
      'g.service ! there is no machine',
    ]);
  });

  test('a thousand instances that conflict with another thousand spread evenly', () => {
    const machines = Array.from('abcdefghi', (letter) => machine(letter));
    const units = Array.from({ length: 1000 }, (_, index) => unit(`x@${index}.service`, ['Conflicts=y@*.service']));
    const loads = new Map<string, number>();
    for (const placement of simulate(units, machines)) {
      if (placement.kind !== 'placed') throw new Error(`${placement.unit} is ${placement.kind}`);
      loads.set(placement.machineId, (loads.get(placement.machineId) ?? 0) + 1);
    }
    expect([...loads.values()].sort()).toEqual([111, 111, 111, 111, 111, 111, 111, 111, 112]);
  });
});
