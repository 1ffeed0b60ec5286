import { fillFleetSpecifiers, isFleetTrue, splitFleetValue } from '../units/fleet-values.js';
import type { UnitOption } from './client.js';

/** What a unit asks for in [X-Fleet]. */
export interface Requirements {
  /** The machine's whole ID, or its first eight characters. */
  readonly machineId: string | undefined;
  /** For every key one of its values. */
  readonly metadata: ReadonlyMap<string, ReadonlySet<string>>;
  /** Names of units whose machine it wants. */
  readonly machineOf: readonly string[];
  /** Patterns of names of units that must not be on its machine. */
  readonly conflicts: readonly string[];
  /** Patterns of names of units that have to leave its machine. */
  readonly replaces: readonly string[];
  /** Runs on every machine that has its metadata. */
  readonly global: boolean;
}

/**
 * Reads [X-Fleet] as fleet 1.0.0 does (job/job.go): the old spellings count too, MachineID's first value wins and Global's
 * last, Conflicts is split at white space and MachineOf is not, and a MachineMetadata that is no `key=value` is passed over.
 */
export function requirementsOf(name: string, options: readonly UnitOption[]): Requirements {
  const given = (key: string): readonly string[] =>
    options
      .filter((option) => option.section === 'X-Fleet' && option.name === key)
      .flatMap(({ value }) => splitFleetValue(value))
      .map((value) => fillFleetSpecifiers(value, name));
  const metadata = new Map<string, Set<string>>();
  for (const pair of [...given('X-ConditionMachineMetadata'), ...given('MachineMetadata')]) {
    const [key = '', value = '', ...rest] = pair.split('=');
    if (key === '' || value === '' || rest.length > 0) continue;
    metadata.set(key, (metadata.get(key) ?? new Set()).add(value));
  }
  return {
    machineId: [...given('MachineID'), ...given('X-ConditionMachineID'), ...given('X-ConditionMachineBootID')][0],
    metadata,
    machineOf: [...given('X-ConditionMachineOf'), ...given('MachineOf')],
    conflicts: [...given('X-Conflicts'), ...given('Conflicts')].flatMap((value) => value.match(/\S+/g) ?? []),
    replaces: given('Replaces'),
    global: isFleetTrue(given('Global').at(-1) ?? ''),
  };
}
