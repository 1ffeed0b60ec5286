import type { UnitOption } from '../../../src/fleet/client.js';
import type { UnitToPlace } from '../../../src/fleet/schedule.js';
import { globMatches } from '../../../src/units/fleet-values.js';

/** Machine metadata of the hosts that generated units are made for. */
export const METADATA = [
  { disk: 'ssd', region: 'eu' },
  { disk: 'hdd', region: 'eu' },
  { disk: 'ssd', region: 'us' },
];

/** Units that come to fleet together, and some that are made inactive at the same time. */
export interface Stage {
  readonly units: readonly UnitToPlace[];
  readonly retired: readonly string[];
}

/**
 * Makes up units for the scheduler, the same for the same seed: two or three stages of one to four units each.
 *
 * @param machineIds of the machines with the METADATA
 */
export function unitSet(seed: number, machineIds: readonly string[]): readonly Stage[] {
  const random = randomFrom(seed);
  const names: string[] = [];
  return Array.from({ length: 2 + random.below(2) }, (_, stage) => {
    const retired = stage > 0 && random.below(3) === 0 ? [random.pick(names)] : [];
    const fresh = Array.from({ length: 1 + random.below(4) }, (_unit, index) =>
      newName(seed, names.length + index, random),
    );
    names.push(...fresh);
    // What names others may name units of this stage too, also those that come after it.
    const units = fresh.map((name) => newUnit(name, { names, machineIds, random, prefix: `s${seed}` }));
    return { units, retired };
  });
}

function newName(seed: number, number: number, random: Random): string {
  return random.below(3) === 0
    ? `s${seed}-web@${number}.service`
    : `s${seed}-${random.pick(['a', 'm', 'z'])}${number}.service`;
}

interface Around {
  readonly names: readonly string[];
  readonly machineIds: readonly string[];
  readonly random: Random;
  readonly prefix: string;
}

function newUnit(name: string, around: Around): UnitToPlace {
  const { random } = around;
  const fleet = demands(name, around).map(([key, value]) => ({ section: 'X-Fleet', name: key, value }));
  const service: UnitOption[] = [{ section: 'Service', name: 'ExecStart', value: '/bin/sleep 1d' }];
  return {
    name,
    options: [...service, ...fleet],
    target: random.below(12) === 0 ? 'inactive' : random.below(3) === 0 ? 'launched' : 'loaded',
  };
}

type Demand = readonly [key: string, value: string];

/** Lines of [X-Fleet], in combinations that fleet's API takes. */
function demands(name: string, { names, machineIds, random, prefix }: Around): readonly Demand[] {
  const others = names.filter((other) => other !== name);
  const metadata = (): Demand[] => random.pick<Demand[]>([
    [['MachineMetadata', 'disk=ssd']],
    [['MachineMetadata', 'region=us']],
    [['MachineMetadata', '"disk=ssd" "region=eu"']],
    [['MachineMetadata', 'disk=ssd'], ['MachineMetadata', 'disk=hdd'], ['MachineMetadata', 'region=eu']],
    [['MachineMetadata', 'disk=tape']],
    [['X-ConditionMachineMetadata', 'region=eu']],
  ]); // prettier-ignore
  const pattern = (): string =>
    random.pick([
      `${prefix}-web@*.service`,
      `${prefix}-a*`,
      `${prefix}-?${random.below(9)}.service`,
      `${prefix}-[mz]*`,
      '%p@*.service',
      random.pick([...others, name]),
    ]);
  const peer = (): Demand[] => (others.length === 0 ? [] : [['MachineOf', random.pick(others)]]);
  switch (random.below(12)) {
    case 0:
    case 1:
      return [];
    case 2:
    case 3:
      return metadata();
    case 4:
      return [
        ['MachineID', random.pick([...machineIds, ...machineIds.map((id) => id.slice(0, 8)), 'no-such-machine'])],
      ];
    case 5:
      return peer();
    case 6:
      return [...peer(), ...metadata()];
    case 7:
    case 8:
      return [['Conflicts', pattern()]];
    case 9:
      return [['Conflicts', `${pattern()} ${pattern()}`], ...metadata()];
    case 10:
      return [
        ['Global', 'true'],
        ...(random.below(2) === 0 ? metadata() : []),
        ...(random.below(3) === 0 ? [['Conflicts', pattern()] as const] : []),
      ];
    default: {
      if (random.below(3) === 0) return [['Replaces', pattern()]];
      const [conflict, beside] = [pattern(), peer()];
      // fleet's API refuses a unit that wants the machine of one it conflicts with.
      return [['Conflicts', conflict], ...beside.filter(([, unit]) => !globMatches(conflict, unit))];
    }
  }
}

interface Random {
  below(limit: number): number;
  pick<T>(items: readonly T[]): T;
}

/** Numbers that look random (Park and Miller's generator), the same for the same seed. */
function randomFrom(seed: number): Random {
  let state = (seed * 7919 + 104_729) % 2_147_483_647;
  const below = (limit: number): number => {
    state = (state * 48_271) % 2_147_483_647;
    return state % limit;
  };
  return {
    below,
    pick: (items) => {
      const item = items[below(items.length)];
      if (item === undefined) throw new RangeError('nothing to pick from');
      return item;
    },
  };
}
