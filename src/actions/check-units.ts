import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { UnitFinding } from '../units/finding.js';
import { lintUnit, machineOfLoops } from '../units/lint.js';
import { parseUnitFile } from '../units/unit-file.js';
import { unreadable, type Issue } from './issue.js';
import { systemdFindings, type SystemdFinding } from './systemd-analyze.js';

interface UnitText {
  readonly file: string;
  readonly name: string;
  readonly text: string;
}

/**
 * Checks unit files and drop-ins: each by itself, those of fleet together, and with `systemd-analyze verify` where that
 * exists. A unit with an [X-Fleet] section is one for fleet.
 *
 * @param files paths as a person would write them
 */
export async function checkUnits(
  files: readonly string[],
  verify: (paths: readonly string[]) => Promise<readonly SystemdFinding[]> = systemdFindings,
): Promise<Issue[]> {
  const read = await Promise.all(files.map(readUnit));
  const units = read.flatMap((unit) => ('text' in unit ? [unit] : []));
  const own = [...units.flatMap(lint), ...loops(units)];
  const theirs = await verify(units.map(({ file }) => resolve(file)));
  const issues = [...read.flatMap((unit) => ('text' in unit ? [] : [unit])), ...own];
  return files.flatMap((file) =>
    [...issues.filter((issue) => issue.file === file), ...merged(file, own, theirs)].sort(
      (a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0),
    ),
  );
}

async function readUnit(file: string): Promise<UnitText | Issue> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    return unreadable(file, error);
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return { file, name: dropInOf(file) ?? basename(file), text };
  } catch {
    const line = bytes.toString('utf8').split('\ufffd')[0]?.split('\n').length ?? 1;
    const message = 'a byte on this line is not UTF-8, and systemd refuses the file';
    return { file, line, column: 1, severity: 'error', message, path: '', rule: 'unit-encoding' };
  }
}

/** `redis@1.service.d/10-limits.conf` belongs to `redis@1.service`. */
function dropInOf(file: string): string | undefined {
  return /(?:^|\/)([^/]+\.[a-z]+)\.d\/[^/]+\.conf$/.exec(resolve(file))?.[1];
}

function lint({ file, name, text }: UnitText): Issue[] {
  const fleet = parseUnitFile(text).items.some((item) => item.kind === 'section' && item.name === 'X-Fleet');
  const dropIn = dropInOf(file) !== undefined;
  return lintUnit(text, { name, fleet, dropIn }).map((finding) => issueOf(file, finding));
}

function loops(units: readonly UnitText[]): Issue[] {
  const files = new Map(units.map(({ name, file }) => [name, file]));
  return machineOfLoops(units).map(({ unit, ...finding }) => issueOf(files.get(unit) ?? unit, finding));
}

function issueOf(file: string, { line, column, severity, message, path, hint, rule }: UnitFinding): Issue {
  return { file, line, column, severity, message, path, hint, rule };
}

/** What systemd says and the linter does not: not about a line that has a finding, nor what follows from an error. */
function merged(file: string, own: readonly Issue[], theirs: readonly SystemdFinding[]): Issue[] {
  const known = own.filter((issue) => issue.file === file);
  const lines = new Set(known.map(({ line }) => line));
  const broken = known.some(({ severity }) => severity === 'error');
  return theirs
    .filter(({ path, line }) => path === resolve(file) && (line === null ? !broken : !lines.has(line)))
    .map(({ line, message }) => ({
      file,
      line,
      column: line === null ? null : 1,
      severity: 'warning',
      message: `systemd says: ${message}`,
      path: '',
      rule: 'systemd-analyze',
    }));
}
