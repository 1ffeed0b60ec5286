import type { FleetUnit, TargetState, UnitOption, UnitState } from './client.js';
import { ownerOf, unitHash } from './unit-options.js';

/** A unit that config.ts wants in the cluster. */
export interface ServiceUnit {
  readonly name: string;
  /** The unit file that it comes from, as a person knows it; the instances of a template share it. */
  readonly file: string;
  /** With coreup's mark. */
  readonly options: readonly UnitOption[];
  readonly target: TargetState;
}

/** One change to what fleet knows. */
export type ServiceChange =
  | { readonly kind: 'submit' | 'replace' | 'target' | 'restart'; readonly unit: ServiceUnit; readonly reason: string }
  | { readonly kind: 'destroy'; readonly name: string; readonly there: FleetUnit; readonly reason: string };

export interface ServiceDecision {
  readonly changes: readonly ServiceChange[];
  /** Units of these names are somebody else's: by name, with what is known of whose. */
  readonly foreign: ReadonlyMap<string, string>;
}

/**
 * Compares the units that config.ts wants with those that fleet has. Pure. Units without coreup's mark are left alone,
 * and so are those of other clusters.
 *
 * @param states a unit that has failed is started anew
 */
export function decideServices(
  wanted: readonly ServiceUnit[],
  known: readonly FleetUnit[],
  states: readonly UnitState[],
  cluster: string,
): ServiceDecision {
  const present = new Map(known.map((unit) => [unit.name, unit]));
  const names = new Set(wanted.map(({ name }) => name));
  const foreign = new Map<string, string>();
  const changes: ServiceChange[] = known
    .filter(({ name, options }) => ownerOf(options) === cluster && !names.has(name))
    .map((there) => ({
      kind: 'destroy',
      name: there.name,
      there,
      reason: 'is no longer among the services of config.ts',
    }));
  for (const unit of wanted) {
    const there = present.get(unit.name);
    const owner = there && ownerOf(there.options);
    if (there && owner !== cluster) {
      foreign.set(unit.name, owner === undefined ? 'coreup did not submit it' : `it belongs to the cluster ${owner}`);
      continue;
    }
    const change = changeOf(unit, there, states);
    if (change) changes.push({ ...change, unit });
  }
  return { changes, foreign };
}

function changeOf(
  unit: ServiceUnit,
  there: FleetUnit | undefined,
  states: readonly UnitState[],
): { kind: 'submit' | 'replace' | 'target' | 'restart'; reason: string } | undefined {
  if (!there) return { kind: 'submit', reason: 'is new' };
  if (unitHash(there.options) !== unitHash(unit.options)) {
    return { kind: 'replace', reason: `its content has changed in ${unit.file}` };
  }
  if (there.desiredState !== unit.target) {
    return { kind: 'target', reason: `is to be ${unit.target}, not ${there.desiredState}` };
  }
  const failed = states.some(({ name, active }) => name === unit.name && active === 'failed');
  return failed && unit.target === 'launched' ? { kind: 'restart', reason: 'has failed' } : undefined;
}

/** Whether fleet runs the unit on every machine that fits. */
export function isGlobal(options: readonly UnitOption[]): boolean {
  const value = optionValue(options, 'X-Fleet', 'Global') ?? '';
  return ['true', 'yes', 'on', '1', 't', 'y'].includes(value.toLowerCase());
}

/** Whether the unit is meant to end: a service of this type is done when its process is. */
export function isOneshot(options: readonly UnitOption[]): boolean {
  return optionValue(options, 'Service', 'Type') === 'oneshot';
}

function optionValue(options: readonly UnitOption[], section: string, name: string): string | undefined {
  return options.findLast((option) => option.section === section && option.name === name)?.value;
}
