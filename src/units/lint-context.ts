import type { UnitFinding } from './finding.js';
import { parseUnitFile, type Junk, type Option, type UnitFile } from './unit-file.js';
import { splitUnitName, type UnitName } from './unit-name.js';

export interface LintOptions {
  /** The unit's name, such as `redis@1.service`; for a drop-in, that of the unit it belongs to. */
  readonly name: string;
  /** The text is a drop-in: it need not be complete. */
  readonly dropIn?: boolean;
  /** The unit is for fleet: its rules count, and what it ignores is said. */
  readonly fleet?: boolean;
}

/** What every rule looks at. */
export interface LintContext {
  readonly file: UnitFile;
  readonly name: string;
  readonly parts: UnitName;
  readonly dropIn: boolean;
  readonly fleet: boolean;
  /** Of the [Service] section. */
  readonly commands: readonly Command[];
}

/** A small named check. */
export interface UnitRule {
  readonly name: string;
  readonly check: (context: LintContext) => Omit<UnitFinding, 'rule'>[];
}

export function lintContext(text: string, options: LintOptions): LintContext {
  const file = parseUnitFile(text);
  return {
    file,
    commands: commandsOf(file),
    name: options.name,
    parts: splitUnitName(options.name),
    dropIn: options.dropIn ?? false,
    fleet: options.fleet ?? false,
  };
}

/** A command line, from an assignment or from a line that lacks only its `=`. */
export interface Command {
  readonly key: string;
  /** Without the prefixes `- @ : + !`. */
  readonly words: readonly string[];
  readonly line: number;
  readonly column: number;
  readonly lacksEquals: boolean;
}

/** The Exec… lines of the [Service] section; those without `=` too, since what else is wrong with them is worth saying. */
function commandsOf(file: UnitFile): Command[] {
  return file.items.flatMap((item): Command[] => {
    if (item.kind === 'option' && item.section === 'Service' && item.key.startsWith('Exec') && item.value !== '') {
      return [command(item.key, item.value, item.line, item.valueColumn, false)];
    }
    const lacking = item.kind === 'junk' && item.section === 'Service' ? assignmentMeant(item) : undefined;
    return lacking === undefined || !lacking.key.startsWith('Exec') || lacking.value === ''
      ? []
      : [command(lacking.key, lacking.value, item.line, lacking.column, true)];
  });
}

function command(key: string, value: string, line: number, column: number, lacksEquals: boolean): Command {
  const prefix = /^[-@:+!|]*/.exec(value)?.[0] ?? '';
  return { key, words: value.slice(prefix.length).split(/\s+/), line, column: column + prefix.length, lacksEquals };
}

/** `ExecStart docker run …` → the key and the value that were meant. */
export function assignmentMeant(item: Junk): { key: string; value: string; column: number } | undefined {
  const match = /^([A-Z][A-Za-z0-9]*)\s+(\S[^]*)$/.exec(item.text);
  if (match?.[1] === undefined || match[2] === undefined) return undefined;
  return { key: match[1], value: match[2], column: item.column + item.text.length - match[2].length };
}

/** Where an option's value is, and its path: the common part of most findings. */
export function atValue(option: Option): Pick<UnitFinding, 'line' | 'column' | 'path'> {
  return { line: option.line, column: option.valueColumn, path: `${option.section ?? ''}.${option.key}` };
}

/** Where an option's key is. */
export function atKey(option: Option): Pick<UnitFinding, 'line' | 'column' | 'path'> {
  return { line: option.line, column: option.column, path: `${option.section ?? ''}.${option.key}` };
}
