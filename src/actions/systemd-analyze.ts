import { basename } from 'node:path';
import { SYSTEMD_SUFFIXES, unitNameFault } from '../units/unit-name.js';

/** What `systemd-analyze verify` says about a unit file. */
export interface SystemdFinding {
  /** As given. */
  readonly path: string;
  readonly line: number | null;
  readonly message: string;
}

/** Long enough for hundreds of units; where it hangs, the check goes on without it. */
const TIMEOUT = 10_000;

/** About this machine instead of about the unit: programs and units that exist on the hosts, or will. */
const ABOUT_THIS_MACHINE = /not executable|No such file|not found|Failed to (?:load|create|connect|get)/i;
/** Only says that another line is fatal. */
const SUMMARY = /^Unit configuration has fatal error/;

/**
 * What systemd itself says about unit files, where `systemd-analyze` exists and can run; nothing otherwise. Drop-ins are
 * looked at together with the unit beside them; files whose name is none for a unit are left out.
 *
 * @param paths absolute paths
 * @param run gives the lines that the program prints for some of them
 */
export async function systemdFindings(
  paths: readonly string[],
  run: (paths: readonly string[]) => Promise<readonly string[]> = analyze,
): Promise<SystemdFinding[]> {
  const units = paths.filter((path) => unitNameFault(basename(path), SYSTEMD_SUFFIXES) === undefined);
  const found: SystemdFinding[] = [];
  for (const round of rounds(units)) {
    for (const line of await run(round)) {
      const finding = findingOf(line, paths);
      if (finding !== undefined) found.push(finding);
    }
  }
  return found;
}

/** Units of one name, from two directories, would be one unit to it. */
function rounds(paths: readonly string[]): readonly (readonly string[])[] {
  const result: Map<string, string>[] = [];
  for (const path of paths) {
    const name = basename(path);
    const free = result.find((round) => !round.has(name));
    if (free) free.set(name, path);
    else result.push(new Map([[name, path]]));
  }
  return result.map((round) => [...round.values()]);
}

/** `/path/a.service:8: text` and `a.service: text` are about a unit; the rest is about what it belongs to. */
function findingOf(line: string, paths: readonly string[]): SystemdFinding | undefined {
  const path = paths.find((each) => line.startsWith(`${each}:`) || line.startsWith(`${basename(each)}: `));
  if (path === undefined) return undefined;
  const [, number, located] = line.startsWith(`${path}:`)
    ? (/^(\d+): (.*)$/.exec(line.slice(path.length + 1)) ?? [])
    : [];
  const message = (located ?? line.slice(line.indexOf(': ') + 2)).trim();
  if (ABOUT_THIS_MACHINE.test(message) || SUMMARY.test(message)) return undefined;
  return { path, line: number === undefined ? null : Number(number), message };
}

async function analyze(paths: readonly string[]): Promise<readonly string[]> {
  const { execa } = await import('execa');
  const { exitCode, stderr } = await execa('systemd-analyze', ['verify', '--man=no', ...paths], {
    stdin: 'ignore',
    reject: false,
    timeout: TIMEOUT,
    env: { LC_ALL: 'C', SYSTEMD_COLORS: '0', SYSTEMD_LOG_LEVEL: 'info', SYSTEMD_LOG_TARGET: 'console' },
  });
  // No exit code: it is not there, could not run, or took too long.
  return exitCode === undefined ? [] : stderr.split('\n');
}
