import { existsSync, readFileSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CoreupError } from '../../util/errors.js';
import { until } from './wait.js';

/**
 * Where the cgroup2 tree is mounted: /sys/fs/cgroup on a pure machine, /sys/fs/cgroup/unified on a hybrid one.
 *
 * @param mountinfo the text of /proc/self/mountinfo
 */
export function findCgroupRoot(mountinfo: string): string | undefined {
  const mounts: string[] = [];
  for (const line of mountinfo.split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const [, , , root, mountPoint] = before.split(' ');
    if (!after.startsWith('cgroup2 ') || mountPoint === undefined) continue;
    // A bind mount of somebody's subtree is not the tree. `/..` is what a cgroup namespace shows of its parents.
    if (root === '/') mounts.push(mountPoint.replaceAll('\\040', ' '));
  }
  return mounts.find((path) => path.startsWith('/sys/fs/cgroup')) ?? mounts[0];
}

/** Milliseconds that killed processes have to end in; they need a few. */
const killDeadline = 10_000;

let cached: string | undefined;

/**
 * The cgroup2 tree of this machine.
 *
 * @throws CoreupError LOCAL_NO_CGROUP2 if there is none
 */
export function cgroupRoot(): string {
  cached ??= findCgroupRoot(readFileSync('/proc/self/mountinfo', 'utf8'));
  if (cached !== undefined) return cached;
  throw new CoreupError('no cgroup2 tree is mounted here, so hosts cannot be kept apart', {
    code: 'LOCAL_NO_CGROUP2',
    hint: noCgroupRemedy,
  });
}

export const noCgroupRemedy =
  'mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified (and enter network namespaces ' +
  'with nsenter --net=…, since ip netns exec hides the tree)';

/** Whether any process is in the cgroup or below it. */
export function isPopulated(cgroup: string): boolean {
  return /^populated 1$/m.test(readText(join(cgroup, 'cgroup.events')));
}

/** Processes that are directly in a cgroup, as this process sees their numbers. */
export function processesIn(cgroup: string): number[] {
  return readText(join(cgroup, 'cgroup.procs')).split('\n').filter(Boolean).map(Number);
}

/**
 * Kills everything in a cgroup at once and waits until it is gone. A cgroup that does not exist is fine.
 *
 * @throws CoreupError LOCAL_STUCK if something is still there after ten seconds (a process stuck in the kernel)
 */
export async function killCgroup(cgroup: string): Promise<void> {
  const kill = () => {
    if (existsSync(join(cgroup, 'cgroup.kill'))) writeIfThere(join(cgroup, 'cgroup.kill'), '1');
    else for (const pid of processesBelow(cgroup)) signalProcess(pid, 'SIGKILL');
  };
  kill();
  const empty = await until(killDeadline, () => {
    if (!isPopulated(cgroup)) return true;
    // Before Linux 5.14 there is no cgroup.kill, and processes may have been born while the list was read.
    if (!existsSync(join(cgroup, 'cgroup.kill'))) kill();
    return undefined;
  });
  if (empty === undefined) throw stuck(cgroup);
}

/**
 * Kills everything in a cgroup and removes it with all below it, also when a process joins it meanwhile.
 *
 * @throws CoreupError LOCAL_STUCK as `killCgroup` does
 */
export async function destroyCgroup(cgroup: string): Promise<void> {
  for (const end = performance.now() + killDeadline; ;) {
    await killCgroup(cgroup);
    if (removeCgroup(cgroup)) return;
    if (performance.now() > end) throw stuck(cgroup);
    await delay(10);
  }
}

/**
 * Removes a cgroup with all below it, as far as no process is in there.
 *
 * @returns whether it is gone
 */
export function removeCgroup(cgroup: string): boolean {
  removeCgroupsIn(cgroup);
  return removeOneCgroup(cgroup);
}

/** Removes all below a cgroup, as far as no process is in there; the cgroup itself stays. */
export function removeCgroupsIn(cgroup: string): void {
  for (const child of children(cgroup)) removeCgroup(child);
}

/** Removes a cgroup that has neither processes nor cgroups in it, and tells whether it is gone. */
export function removeOneCgroup(cgroup: string): boolean {
  try {
    rmdirSync(cgroup);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return true;
    if (code === 'EBUSY' || code === 'ENOTEMPTY') return false;
    throw error;
  }
}

/** Sends a signal; a process that has ended already is fine. */
export function signalProcess(pid: number, signal: NodeJS.Signals | number): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function stuck(cgroup: string): CoreupError {
  return new CoreupError(`processes in ${cgroup} do not die: ${processesBelow(cgroup).join(', ')}`, {
    code: 'LOCAL_STUCK',
    hint: 'they hang in the kernel; dmesg may tell why',
  });
}

function processesBelow(cgroup: string): number[] {
  return [...processesIn(cgroup), ...children(cgroup).flatMap(processesBelow)];
}

function children(cgroup: string): string[] {
  try {
    const entries = readdirSync(cgroup, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => join(cgroup, entry.name));
  } catch {
    return [];
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // The cgroup went away, or is going (ENODEV): nothing is in it.
    return '';
  }
}

function writeIfThere(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    if (!['ENOENT', 'ENODEV'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}
