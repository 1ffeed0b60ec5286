import type { Connection } from '../ssh/port.js';
import { CoreupError } from '../util/errors.js';
import { sh } from '../util/shell.js';
import type { ClockOffset, SyncFigures } from './host-view.js';

/** Times that a host is asked for its clock; the quickest answer says most. */
const SAMPLES = 4;
/** Writes that are timed, of the size that etcd's documentation measures with (fio, 2300 bytes). */
const WRITES = 100;
const SIZE = 2300;
/** Seconds after which a slow disk is not written to any further, and milliseconds after which one hangs. */
const SECONDS = 4;
const HANGS = 15_000;
const CLOCK_TIMEOUT = 5000;

/**
 * How far the host's clock is before this machine's. It was read at some moment between asking and the answer, so that
 * the offset is known to half of the round trip (as in RFC 5905).
 */
export async function clockOffset(
  connection: Connection,
  now: () => number = () => performance.timeOrigin + performance.now(),
): Promise<ClockOffset> {
  let best: ClockOffset | undefined;
  for (let sample = 0; sample < SAMPLES; sample++) {
    const asked = now();
    const { stdout } = await connection.run({ text: 'date +%s%N' }, { timeout: CLOCK_TIMEOUT });
    const bound = (now() - asked) / 2;
    const [, microseconds] = /^(\d{16,})\d{3}$/.exec(stdout.toString().trim()) ?? [];
    // Where date(1) knows no nanoseconds, it prints the seconds and an N.
    if (microseconds === undefined) {
      throw new CoreupError('its `date` does not tell nanoseconds', { code: 'DOCTOR_CLOCK' });
    }
    const there = Number(microseconds) / 1000;
    if (!best || bound < best.bound) best = { offset: there - (asked + bound), bound };
  }
  if (!best) throw new RangeError('no sample');
  return best;
}

/**
 * A script for root that times small synchronous writes where etcd's data is. Its file is removed before anything is
 * written to it, so that nothing is left there whatever happens; its space is given back when the script ends.
 */
export function syncScript(directory: string): string {
  return [
    'LC_ALL=C; export LC_ALL; umask 077',
    sh`d=${directory}`,
    'while [ ! -d "$d" ]; do d=$(dirname -- "$d"); done',
    'f=$d/.coreup-doctor.$$',
    'exec 3<>"$f" || exit 1',
    'rm -f -- "$f"',
    // etcd writes into space that it has taken beforehand.
    `head -c ${SIZE * WRITES} /dev/zero >&3 && sync || exit 1`,
    `i=0; end=$(($(date +%s) + ${SECONDS}))`,
    `while [ $i -lt ${WRITES} ] && [ "$(date +%s)" -lt $end ]; do`,
    `  dd if=/dev/zero of=/proc/self/fd/3 bs=${SIZE} count=1 seek=$i conv=notrunc oflag=dsync 2>&1 || exit 1`,
    '  i=$((i + 1))',
    'done',
    '',
  ]
    .filter((line) => line !== '')
    .join('\n');
}

/** @returns undefined where dd printed no times */
export function parseSync(output: string): SyncFigures | undefined {
  const times = [...output.matchAll(/copied, ([\d.e-]+) s/g)].map(([, seconds]) => Number(seconds) * 1000);
  if (times.length === 0) return undefined;
  times.sort((a, b) => a - b);
  return { writes: times.length, p99: times[Math.ceil(times.length * 0.99) - 1] ?? 0 };
}

/** @throws CoreupError where the directory cannot be written to, or its disk hangs */
export async function syncFigures(connection: Connection, directory: string): Promise<SyncFigures> {
  const { code, stdout, stderr } = await connection.run(
    { text: syncScript(directory), sudo: true },
    { timeout: HANGS },
  );
  const figures = parseSync(stdout.toString());
  if (figures) return figures;
  const said = `${stdout.toString()}${stderr.toString()}`.trim().split('\n').at(-1) ?? '';
  throw new CoreupError(`nothing can be written to ${directory}: ${said || `exit code ${code}`}`, {
    code: 'DOCTOR_SYNC',
  });
}
