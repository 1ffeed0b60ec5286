import type { HostEdit } from '../cluster/host-state.js';
import type { EditMemory, LineMemory } from './manifest.js';

/** A file's text with its edits made, and what is needed to take them back. */
export interface Edited {
  readonly text: string;
  readonly lines: EditMemory['lines'];
}

/**
 * Sets lines in a text and takes earlier ones back; everything else stays as it is, line ends included (coreos-cloudinit
 * rewrites those). Of several lines for one key only the first is set, as there.
 *
 * `environment` (mergeEnvContents): the line `KEY=…`. `update-conf` (Update.File): any line that begins with KEY. What
 * no line is there for is appended, sorted.
 *
 * @param text one character a byte (latin1), so that nothing is lost that is no UTF-8
 * @param before what an earlier edit remembered
 */
export function editLines(
  text: string,
  format: HostEdit['format'],
  set: HostEdit['set'],
  before: EditMemory['lines'] = {},
): Edited {
  const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const memory: Record<string, LineMemory> = {};
  for (const [key, { line, was }] of Object.entries(before)) {
    if (!(key in set)) takeBack(lines, line, was);
  }
  const added: string[] = [];
  for (const key of Object.keys(set).sort()) {
    const wanted = toBytes(`${key}=${set[key] ?? ''}`);
    const at = lines.findIndex((line) => line.startsWith(format === 'environment' ? `${key}=` : key));
    const there = lines[at];
    const known = before[key];
    if (there === undefined) added.push(`${wanted}\n`);
    else if (bare(there) !== wanted) lines[at] = `${wanted}\n`;
    // A line that was right before coreup came is not coreup's.
    if (known) memory[key] = { line: wanted, was: known.was };
    else if (there === undefined) memory[key] = { line: wanted, was: null };
    else if (bare(there) !== wanted) memory[key] = { line: wanted, was: bare(there) };
  }
  const last = lines.at(-1);
  if (added.length > 0 && last !== undefined && !last.endsWith('\n')) lines[lines.length - 1] = `${last}\n`;
  return { text: [...lines, ...added].join(''), lines: memory };
}

/** Only while the line is what coreup wrote. */
function takeBack(lines: string[], line: string, was: string | null): void {
  const at = lines.findIndex((there) => bare(there) === line);
  if (at === -1) return;
  if (was === null) lines.splice(at, 1);
  else lines[at] = `${was}\n`;
}

function bare(line: string): string {
  return line.replace(/\r?\n$/, '');
}

function toBytes(text: string): string {
  return Buffer.from(text).toString('latin1');
}
