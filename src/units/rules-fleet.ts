import { fillFleetSpecifiers, globMatches, isFleetTrue, splitFleetValue } from './fleet-values.js';
import { OLD_FLEET_KEYS } from './known-keys.js';
import { atKey, atValue, type LintContext, type UnitRule } from './lint-context.js';
import { optionsOf, type Option, type UnitFile } from './unit-file.js';

const FLEET = 'X-Fleet';

/** The values of an X-Fleet key as fleet reads them, specifiers (%n %N %p %i) filled in from the unit's name. */
export function fleetValues(file: UnitFile, name: string, key: string): { option: Option; value: string }[] {
  return optionsOf(file, FLEET, key).flatMap((option) =>
    splitFleetValue(option.value)
      .map((value) => fillFleetSpecifiers(value, name))
      // Conflicts alone may hold several names between white space.
      .flatMap((value) => (key === 'Conflicts' ? (value.match(/\S+/g) ?? []) : [value]))
      .map((value) => ({ option, value })),
  );
}

const given = (file: UnitFile, key: string): Option[] => optionsOf(file, FLEET, key);

/** Whether the unit is global: the last of several values counts. */
const isGlobal = (file: UnitFile): boolean => isFleetTrue(given(file, 'Global').at(-1)?.value ?? '');

const globalAlone: UnitRule = {
  name: 'fleet-global',
  check: ({ file }) =>
    !isGlobal(file)
      ? []
      : optionsOf(file, FLEET)
          .filter(({ key }) => ['MachineID', 'MachineOf', 'Replaces'].includes(key))
          .map((option) => ({
            severity: 'error' as const,
            ...atKey(option),
            message: `${option.key} cannot stand beside "Global=true": a global unit runs on every machine`,
            hint: 'Delete one of the two; MachineMetadata and Conflicts are what may narrow a global unit.',
          })),
};

/** Pairs that fleet's API refuses together (ValidateOptions in api/units.go); those with Global are a rule of their own. */
const REFUSED_PAIRS = [
  ['MachineID', 'MachineOf'],
  ['MachineID', 'Conflicts'],
  ['MachineID', 'Replaces'],
  ['Conflicts', 'Replaces'],
] as const;

const refusedTogether: UnitRule = {
  name: 'fleet-refused-together',
  check: ({ file }) =>
    REFUSED_PAIRS.flatMap(([one, other]) => {
      const [option] = given(file, other);
      if (option === undefined || given(file, one).length === 0) return [];
      return [
        {
          severity: 'error' as const,
          ...atKey(option),
          message: `${other} cannot stand beside ${one}: fleet refuses the unit`,
          hint: 'Delete one of the two.',
        },
      ];
    }),
};

const machineIdOnce: UnitRule = {
  name: 'fleet-machine-id',
  check: ({ file }) =>
    given(file, 'MachineID')
      .slice(1)
      .map((option) => ({
        severity: 'warning' as const,
        ...atValue(option),
        message: 'a unit has one MachineID: fleet takes the first and passes over this one',
        hint: 'Delete it; MachineMetadata can name several machines.',
      })),
};

const machineOfForm: UnitRule = {
  name: 'fleet-machine-of',
  check: ({ file, name }) =>
    fleetValues(file, name, 'MachineOf')
      .filter(({ value }) => /[\s*?[]/.test(value))
      .map(({ option, value }) => ({
        severity: 'error' as const,
        ...atValue(option),
        message: `MachineOf is the name of one unit, without patterns; found ${JSON.stringify(value)}`,
        hint: 'Write a line "MachineOf=…" for each unit.',
      })),
};

const globalValue: UnitRule = {
  name: 'fleet-global-value',
  check: ({ file }) =>
    optionsOf(file, FLEET, 'Global').flatMap((option) =>
      /^(?:true|false)$/.test(option.value)
        ? []
        : [
            {
              severity: 'warning' as const,
              ...atValue(option),
              message: `Global is "true" or "false"; found ${JSON.stringify(option.value)}`,
              hint: 'Write "Global=true".',
            },
          ],
    ),
};

const conflictsItself: UnitRule = {
  name: 'fleet-contradiction',
  check: ({ file, name }) => {
    const conflicts = [...fleetValues(file, name, 'Conflicts'), ...fleetValues(file, name, 'Replaces')];
    // A pattern such as redis@*.service is meant to match the other instances; fleet leaves the unit itself out.
    const itself = fleetValues(file, name, 'Conflicts').filter(({ value }) => value === name);
    const wanted = fleetValues(file, name, 'MachineOf').filter(({ value }) =>
      conflicts.some((conflict) => globMatches(conflict.value, value)),
    );
    return [
      ...itself.map(({ option }) => ({
        severity: 'warning' as const,
        ...atValue(option),
        message: 'the unit conflicts with itself, which fleet takes as nothing',
        hint: 'Name the other units, or all instances with a pattern such as "redis@*.service".',
      })),
      ...wanted.map(({ option, value }) => ({
        severity: 'error' as const,
        ...atValue(option),
        message: `the unit wants the machine of ${value} and conflicts with it: no machine can ever run it`,
        hint: 'Delete MachineOf, or narrow Conflicts.',
      })),
    ];
  },
};

const machineOfItself: UnitRule = {
  name: 'fleet-machine-of-loop',
  check: ({ file, name }) =>
    fleetValues(file, name, 'MachineOf')
      .filter(({ value }) => value === name)
      .map(({ option }) => ({
        severity: 'error' as const,
        ...atValue(option),
        message: 'the unit waits for its own machine, so it is never scheduled',
        hint: 'Name the unit that it should run beside.',
      })),
};

const metadataForm: UnitRule = {
  name: 'fleet-metadata',
  check: ({ file }) =>
    optionsOf(file, FLEET, 'MachineMetadata').flatMap((option) => {
      const bad = splitFleetValue(option.value).find((pair) => !/^[^=\s]+=[^=\s]+$/.test(pair));
      if (bad === undefined) return [];
      return [
        {
          severity: 'warning' as const,
          ...atValue(option),
          message: `MachineMetadata is a list of key=value pairs, and fleet passes over what is none; found ${JSON.stringify(bad)}`,
          hint: 'Write MachineMetadata=region=us-west, or "region=us-west" "disk=ssd" for both.',
        },
      ];
    }),
};

const oldSpelling: UnitRule = {
  name: 'fleet-old-key',
  check: ({ file }) =>
    optionsOf(file, FLEET).flatMap((option) => {
      const now = OLD_FLEET_KEYS.get(option.key);
      return now === undefined
        ? []
        : [
            {
              severity: 'warning' as const,
              ...atKey(option),
              message: `${option.key} is the old spelling of ${now}`,
              hint: `Write "${now}=".`,
            },
          ];
    }),
};

const installIgnored: UnitRule = {
  name: 'fleet-install',
  check: ({ file, fleet }: LintContext) => {
    const section = file.items.find((item) => item.kind === 'section' && item.name === 'Install');
    if (!fleet || section === undefined) return [];
    return [
      {
        severity: 'info' as const,
        line: section.line,
        column: 1,
        path: 'Install',
        message: 'fleet starts units by itself and does not read [Install]',
        hint: 'The section can go.',
      },
    ];
  },
};

/** What [X-Fleet] may say. */
export const FLEET_RULES: readonly UnitRule[] = [
  globalAlone,
  globalValue,
  refusedTogether,
  machineIdOnce,
  machineOfForm,
  conflictsItself,
  machineOfItself,
  metadataForm,
  oldSpelling,
  installIgnored,
];
