import type { UnitFinding } from './finding.js';
import { lintContext, type LintContext, type LintOptions, type UnitRule } from './lint-context.js';
import { FLEET_RULES, fleetValues } from './rules-fleet.js';
import { SERVICE_RULES } from './rules-service.js';
import { SYNTAX_RULES } from './rules-syntax.js';
import { atValue } from './lint-context.js';
import { parseUnitFile } from './unit-file.js';
import { FLEET_SUFFIXES, NETWORK_SUFFIXES, SYSTEMD_SUFFIXES, unitNameFault } from './unit-name.js';

const unitName: UnitRule = {
  name: 'unit-name',
  check: ({ name, fleet }: LintContext) => {
    const fault = unitNameFault(name, fleet ? FLEET_SUFFIXES : [...SYSTEMD_SUFFIXES, ...NETWORK_SUFFIXES]);
    if (fault === undefined) return [];
    return [
      {
        severity: 'error' as const,
        line: 1,
        column: 1,
        path: '',
        message: `${JSON.stringify(name)} is no name for a unit: ${fault}`,
        hint: 'A unit is named "string.suffix" or "string@instance.suffix", with letters, digits and : _ . @ -',
      },
    ];
  },
};

const NETWORK_RULES: readonly UnitRule[] = [unitName, ...SYNTAX_RULES.slice(0, 2)];
const SYSTEMD_RULES: readonly UnitRule[] = [unitName, ...SYNTAX_RULES, ...SERVICE_RULES];
const RULES: readonly UnitRule[] = [...SYSTEMD_RULES, ...FLEET_RULES];

/** Every rule by name, for the reference page. */
export const UNIT_RULE_NAMES: readonly string[] = RULES.map(({ name }) => name);

/**
 * Checks one systemd or fleet unit file, or a drop-in. `.network`, `.netdev` and `.link` files have their own sections,
 * which are not looked at.
 *
 * @returns the findings in the order of the lines
 */
export function lintUnit(text: string, options: LintOptions): UnitFinding[] {
  const context = lintContext(text, options);
  const findings: UnitFinding[] = [];
  for (const { name, check } of rulesFor(context)) {
    for (const finding of check(context)) findings.push({ rule: name, ...finding });
  }
  return findings.sort((a, b) => a.line - b.line || a.column - b.column);
}

/** Those that can find something: most units say nothing to fleet. */
function rulesFor({ file, parts, fleet }: LintContext): readonly UnitRule[] {
  if ((NETWORK_SUFFIXES as readonly string[]).includes(parts.suffix)) return NETWORK_RULES;
  return fleet || file.items.some((item) => item.kind === 'section' && item.name === 'X-Fleet') ? RULES : SYSTEMD_RULES;
}

/** A unit as it is given to fleet. */
export interface NamedUnit {
  readonly name: string;
  readonly text: string;
}

/**
 * Units of one cluster that wait for each other's machine (`MachineOf`) in a circle, so that none is ever scheduled.
 *
 * @returns one finding for each unit of a circle, with the unit's name
 */
export function machineOfLoops(units: readonly NamedUnit[]): (UnitFinding & { readonly unit: string })[] {
  const wants = new Map(
    units.map(({ name, text }) => [name, fleetValues(parseUnitFile(text), name, 'MachineOf')] as const),
  );
  return [...wants].flatMap(([name, targets]) =>
    targets.flatMap(({ option, value }) => {
      const path = value === name ? undefined : pathBetween(wants, value, name);
      if (path === undefined) return [];
      return [
        {
          unit: name,
          rule: 'fleet-machine-of-loop',
          severity: 'error' as const,
          ...atValue(option),
          message: `MachineOf goes in a circle (${[name, ...path].join(' → ')}), so none of these is ever scheduled`,
          hint: 'Take MachineOf out of one of them.',
        },
      ];
    }),
  );
}

function pathBetween(
  wants: ReadonlyMap<string, readonly { value: string }[]>,
  from: string,
  to: string,
): string[] | undefined {
  const queue: string[][] = [[from]];
  const seen = new Set([from]);
  for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
    const last = path.at(-1) ?? '';
    if (last === to) return path;
    for (const { value } of wants.get(last) ?? []) {
      if (seen.has(value)) continue;
      seen.add(value);
      queue.push([...path, value]);
    }
  }
  return undefined;
}
