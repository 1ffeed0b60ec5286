import { OLD_FLEET_KEYS } from './known-keys.js';
import { atKey, atValue, type LintContext, type UnitRule } from './lint-context.js';
import { optionsOf, type Option, type UnitFile } from './unit-file.js';
import { splitUnitName } from './unit-name.js';

const FLEET = 'X-Fleet';

/** The values of an X-Fleet key as fleet reads them, specifiers (%n %N %p %i) filled in from the unit's name. */
export function fleetValues(file: UnitFile, name: string, key: string): { option: Option; value: string }[] {
  const { prefix, instance, suffix } = splitUnitName(name);
  const specifiers: Readonly<Record<string, string>> = {
    n: name,
    N: name.slice(0, name.length - suffix.length - 1),
    p: prefix,
    i: instance ?? '',
  };
  return optionsOf(file, FLEET, key).map((option) => ({
    option,
    value: option.value.replace(/%([nNpi])/g, (_match, letter: string) => specifiers[letter] ?? ''),
  }));
}

const isTrue = (value: string): boolean => ['true', 'yes', 'on', '1', 't', 'y'].includes(value.toLowerCase());

const globalAlone: UnitRule = {
  name: 'fleet-global',
  check: ({ file }) => {
    const global = optionsOf(file, FLEET, 'Global').findLast(({ value }) => isTrue(value));
    if (global === undefined) return [];
    return optionsOf(file, FLEET)
      .filter(({ key }) => ['MachineID', 'MachineOf', 'Conflicts', 'Replaces'].includes(key))
      .map((option) => ({
        severity: 'error' as const,
        ...atKey(option),
        message: `${option.key} cannot stand beside "Global=true": a global unit runs on every machine`,
        hint: 'Delete one of the two; MachineMetadata is what may narrow a global unit.',
      }));
  },
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
    const conflicts = fleetValues(file, name, 'Conflicts');
    // A pattern such as redis@*.service is meant to match the other instances; fleet leaves the unit itself out.
    const itself = conflicts.filter(({ value }) => value === name);
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

/** As Go's path.Match, for the patterns that unit names can have. */
export function globMatches(pattern: string, name: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|\\]/g, '\\$&')
    .replace(/\*+/g, '[^/]*')
    .replace(/\?/g, '[^/]');
  try {
    return new RegExp(`^${source}$`).test(name);
  } catch {
    return false;
  }
}

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
      const pairs = option.value.match(/"[^"]*"|\S+/g)?.map((pair) => pair.replace(/^"|"$/g, '')) ?? [];
      const bad = pairs.find((pair) => !/^[^=]+=[^=]*$/.test(pair));
      if (bad === undefined && pairs.length > 0) return [];
      return [
        {
          severity: 'warning' as const,
          ...atValue(option),
          message: `MachineMetadata is a list of key=value pairs; found ${JSON.stringify(bad ?? '')}`,
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
  conflictsItself,
  machineOfItself,
  metadataForm,
  oldSpelling,
  installIgnored,
];
