import { createHash } from 'node:crypto';
import { parseUnitFile, type Option } from '../units/unit-file.js';
import type { UnitOption } from './client.js';

/** The section that coreup puts into its units; systemd ignores sections that begin with `X-` (systemd.unit(5)). */
const MARK_SECTION = 'X-Coreup';
const MARK_KEY = 'Cluster';

/**
 * A unit file as fleet keeps it: the assignments in order, without comments. A value that goes over several lines keeps
 * its backslashes and line breaks, as in go-systemd's unit package.
 */
export function unitOptions(text: string): readonly UnitOption[] {
  return parseUnitFile(text).items.flatMap((item) =>
    item.kind === 'option' && item.section !== null
      ? [{ section: item.section, name: item.key, value: rawValue(item) }]
      : [],
  );
}

function rawValue({ raw }: Option): string {
  const [first = '', ...rest] = raw.slice(raw.indexOf('=') + 1).split(/\r?\n/);
  return [first, ...rest.filter((line) => !/^\s*[#;]/.test(line))].join('\n').trim();
}

/** The text that fleet makes of options, which is what it gives to systemd: grouped by section, in order. */
export function unitText(options: readonly UnitOption[]): string {
  return [...bySection(options)]
    .map(([section, own]) => `[${section}]\n${own.map(({ name, value }) => `${name}=${value}\n`).join('')}`)
    .join('\n');
}

function bySection(options: readonly UnitOption[]): Map<string, UnitOption[]> {
  const sections = new Map<string, UnitOption[]>();
  for (const option of options) sections.set(option.section, [...(sections.get(option.section) ?? []), option]);
  return sections;
}

/** fleet's hash of a unit: SHA-1 of its text, in hex (fleet, unit/unit.go). */
export function unitHash(options: readonly UnitOption[]): string {
  return createHash('sha1').update(unitText(options)).digest('hex');
}

/** Adds the mark by which coreup knows its own units again, whoever runs it and whatever became of its state. */
export function marked(options: readonly UnitOption[], cluster: string): readonly UnitOption[] {
  return [...options, { section: MARK_SECTION, name: MARK_KEY, value: cluster }];
}

/** The cluster that a unit was made for by coreup; undefined for anybody else's. */
export function ownerOf(options: readonly UnitOption[]): string | undefined {
  return options.findLast(({ section, name }) => section === MARK_SECTION && name === MARK_KEY)?.value;
}
