/** One piece of a unit file; the `raw` texts of all of them, one after the other, are the file. */
export type UnitItem = Blank | Comment | Section | Option | Junk;

interface Piece {
  /** As in the file, line breaks included. */
  readonly raw: string;
  /** Counts from 1. */
  readonly line: number;
}
export interface Blank extends Piece {
  readonly kind: 'blank';
}
export interface Comment extends Piece {
  readonly kind: 'comment';
}
export interface Section extends Piece {
  readonly kind: 'section';
  readonly name: string;
  readonly column: number;
}
export interface Option extends Piece {
  readonly kind: 'option';
  /** The section it is in, or null before the first one. */
  readonly section: string | null;
  readonly key: string;
  /** Continued lines are joined, each `\` with a space in its place, as systemd does. */
  readonly value: string;
  /** Where the key starts. */
  readonly column: number;
  /** Where the value starts. */
  readonly valueColumn: number;
}
/** A line that is neither section nor assignment: systemd ignores it, fleet refuses the file. */
export interface Junk extends Piece {
  readonly kind: 'junk';
  readonly section: string | null;
  readonly text: string;
  readonly column: number;
}

/** A systemd or fleet unit file, with everything that is in it: repeated keys, continuations, comments, order. */
export interface UnitFile {
  readonly items: readonly UnitItem[];
}

/** Reads a unit file; never fails. The syntax is systemd's (systemd.syntax(7), config-parser.c). */
export function parseUnitFile(text: string): UnitFile {
  const items: UnitItem[] = [];
  const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  let section: string | null = null;
  for (let index = 0; index < lines.length;) {
    const taken = takeLogicalLine(lines, index);
    const item = itemOf(taken.raw, taken.joined, index + 1, section);
    if (item.kind === 'section') section = item.name;
    items.push(item);
    index += taken.count;
  }
  return { items };
}

/** The file again, byte for byte as it was read. */
export function printUnitFile(file: UnitFile): string {
  return file.items.map(({ raw }) => raw).join('');
}

/** All assignments, or those of one section (and key), in order. */
export function optionsOf(file: UnitFile, section?: string, key?: string): Option[] {
  return file.items.filter(
    (item): item is Option =>
      item.kind === 'option' &&
      (section === undefined || item.section === section) &&
      (key === undefined || item.key === key),
  );
}

/** The values of a key that count: an empty assignment takes back what came before it. */
export function valuesOf(file: UnitFile, section: string, key: string): Option[] {
  const options = optionsOf(file, section, key);
  return options.slice(options.findLastIndex(({ value }) => value === '') + 1);
}

/** The value of a key that has one: its last assignment. */
export function valueOf(file: UnitFile, section: string, key: string): Option | undefined {
  const last = optionsOf(file, section, key).at(-1);
  return last?.value === '' ? undefined : last;
}

interface LogicalLine {
  readonly raw: string;
  readonly joined: string;
  readonly count: number;
}

/** A line and those that continue it; comment lines between them belong to it, but not to its value. */
function takeLogicalLine(lines: readonly string[], start: number): LogicalLine {
  const first = lines[start] ?? '';
  const text = withoutBreak(first);
  if (!isContinued(text) || isComment(first)) return { raw: first, joined: text, count: 1 };
  let raw = first;
  let joined = `${text.slice(0, -1)} `;
  for (let index = start + 1; index < lines.length; index++) {
    const line = lines[index] ?? '';
    raw += line;
    if (isComment(line)) continue;
    const more = withoutBreak(line);
    const continued = isContinued(more);
    joined += continued ? `${more.slice(0, -1)} ` : more;
    if (!continued) return { raw, joined, count: index - start + 1 };
  }
  return { raw, joined, count: lines.length - start };
}

function itemOf(raw: string, joined: string, line: number, section: string | null): UnitItem {
  const text = joined.trim();
  // What begins like a comment is one: within a continued line, comments are left out of the joined text.
  if (text.startsWith('#') || text.startsWith(';')) return { kind: 'comment', raw, line };
  if (text === '') return { kind: 'blank', raw, line };
  const column = joined.length - joined.trimStart().length + 1;
  if (text.startsWith('[') && text.endsWith(']')) {
    return { kind: 'section', raw, line, name: text.slice(1, -1), column };
  }
  const equals = joined.indexOf('=');
  if (equals < 0 || text.startsWith('[') || text.startsWith('='))
    return { kind: 'junk', raw, line, section, text, column };
  const after = joined.slice(equals + 1);
  return {
    kind: 'option',
    raw,
    line,
    section,
    key: joined.slice(0, equals).trim(),
    value: after.trim(),
    column,
    valueColumn: equals + 2 + (after.length - after.trimStart().length),
  };
}

function withoutBreak(line: string): string {
  if (!line.endsWith('\n')) return line;
  return line.slice(0, line.endsWith('\r\n') ? -2 : -1);
}

const isComment = (line: string): boolean => /^\s*[#;]/.test(line);

/** A backslash at the end of the line that is not itself escaped. */
function isContinued(text: string): boolean {
  let backslashes = 0;
  while (text[text.length - 1 - backslashes] === '\\') backslashes++;
  return backslashes % 2 === 1;
}
