import { nearest } from '../util/nearest.js';
import { KNOWN_KEYS, OLD_FLEET_KEYS, TYPE_SECTION } from './known-keys.js';
import { assignmentMeant, atKey, type UnitRule } from './lint-context.js';
import { optionsOf } from './unit-file.js';

const missingEquals: UnitRule = {
  name: 'missing-equals',
  check: ({ file }) =>
    file.items
      .filter((item) => item.kind === 'junk')
      .map((item) => {
        const meant = assignmentMeant(item);
        const key = meant?.key ?? '';
        return {
          severity: 'error' as const,
          line: item.line,
          column: item.column,
          path: meant === undefined ? (item.section ?? '') : `${item.section ?? ''}.${key}`,
          message:
            meant === undefined
              ? `this line is neither "[Section]" nor "Key=value" (${JSON.stringify(item.text.slice(0, 40))})`
              : `"=" is missing after ${key}: systemd ignores the line, fleet refuses the unit`,
          hint:
            meant === undefined
              ? 'Put "#" in front of a comment; end the line before with "\\" if this one continues it.'
              : `Write "${key}=${meant.value.split('\n')[0] ?? ''}".`,
        };
      }),
};

const outsideSection: UnitRule = {
  name: 'outside-section',
  check: ({ file }) =>
    optionsOf(file)
      .filter(({ section }) => section === null)
      .map((option) => ({
        severity: 'error' as const,
        ...atKey(option),
        message: `${option.key} stands before the first section, where systemd ignores it`,
        hint: 'Put it below a section such as [Unit] or [Service].',
      })),
};

const unknownSection: UnitRule = {
  name: 'unknown-section',
  check: ({ file, parts }) => {
    const own = TYPE_SECTION[parts.suffix];
    return file.items.flatMap((item) => {
      if (item.kind !== 'section' || ['Unit', 'Install', 'X-Fleet', own].includes(item.name)) return [];
      const known = KNOWN_KEYS.has(item.name);
      if (item.name.startsWith('X-') && item.name.toLowerCase() !== 'x-fleet') return [];
      if (known && own === undefined) return [];
      const guess = known ? own : nearest(item.name, ['Unit', 'Install', 'X-Fleet', ...(own == null ? [] : [own])]);
      return [
        {
          severity: 'warning' as const,
          line: item.line,
          column: item.column,
          path: item.name,
          message: known
            ? `[${item.name}] is not read in a .${parts.suffix} unit`
            : `[${item.name}] is no section that systemd or fleet knows: all of it is ignored`,
          hint:
            guess == null
              ? 'Delete it, or begin its name with "X-" if another program reads it.'
              : `Did you mean [${guess}]?`,
        },
      ];
    });
  },
};

/** So many unknown keys are no slips of the pen, and looking for what each may mean takes time. */
const MANY_KEYS = 500;

const unknownKey: UnitRule = {
  name: 'unknown-key',
  check: ({ file }) =>
    optionsOf(file)
      .filter(({ section, key }) => section !== null && !isKnownKey(section, key))
      .map((option, index) => {
        const { section, key } = option;
        const fleet = section === 'X-Fleet';
        const elsewhere = [...KNOWN_KEYS].find(([, others]) => others.has(key))?.[0];
        const guess = index < MANY_KEYS ? nearest(key, KNOWN_KEYS.get(section ?? '') ?? []) : undefined;
        return {
          severity: fleet ? ('error' as const) : ('warning' as const),
          ...atKey(option),
          message: fleet
            ? `fleet does not know ${key} and refuses the unit`
            : `systemd does not know ${key} in [${section}] and ignores it`,
          hint:
            elsewhere !== undefined
              ? `${key} belongs into [${elsewhere}].`
              : guess !== undefined
                ? `Did you mean ${guess}?`
                : `Delete it, or begin it with "X-" if another program reads it.`,
        };
      }),
};

/** In a section that nobody knows, every key is as good as another. */
function isKnownKey(section: string, key: string): boolean {
  const keys = KNOWN_KEYS.get(section);
  return keys === undefined || keys.has(key) || key.startsWith('X-') || OLD_FLEET_KEYS.has(key);
}

const brokenContinuation: UnitRule = {
  name: 'broken-continuation',
  check: ({ file }) =>
    file.items.flatMap((item) => {
      if ((item.kind !== 'option' && item.kind !== 'junk') || !item.raw.includes('\\')) return [];
      const match = /\\[ \t]+\r?$/.exec(item.raw.replace(/\n$/, ''));
      return match === null
        ? []
        : [
            {
              severity: 'warning' as const,
              line: item.line + (item.raw.slice(0, match.index).match(/\n/g)?.length ?? 0),
              column: match.index - item.raw.lastIndexOf('\n', match.index - 1),
              path: item.kind === 'option' ? `${item.section ?? ''}.${item.key}` : (item.section ?? ''),
              message: 'white space follows the "\\", so the next line does not continue this one',
              hint: 'Delete the white space behind the backslash.',
            },
          ];
    }),
};

/** What a line is, before what it means. */
export const SYNTAX_RULES: readonly UnitRule[] = [
  missingEquals,
  outsideSection,
  unknownSection,
  unknownKey,
  brokenContinuation,
];
