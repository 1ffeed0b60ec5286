import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, closeSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CoreupError } from '../../util/errors.js';
import { isPopulated, killCgroup, processesIn, removeCgroupsIn, signalProcess } from './cgroup.js';
import { toolEnvironment } from './command.js';
import type { HostPaths, HostRecord } from './store.js';
import { removeInterface } from './network.js';
import { until } from './wait.js';

/** What nspawn exits with when the host asked for a reboot and nspawn leaves its cgroup alone. */
const rebootStatus = 133;
/** What the launcher exits with when another one holds the host's lock. */
const busyStatus = 75;

/** Milliseconds that a host has from its start until its first process runs. */
const startDeadline = 15_000;

/** Bytes of console output after which the next start begins a new file. */
const consoleLimit = 1024 * 1024;

/**
 * The life of a host, for sh. It runs in a session and a mount namespace of its own: it outlives the coreup that started
 * it, and its mounts are gone with its last process, however that ended.
 */
const launcher = `
set -eu
umask 022
directory=$1 cgroup=$2 image=$3 bridge=$4 machine=$5 name=$6 id=$7
# Two starts at the same time: one does it. The lock is the kernel's, so nobody has to clean up after a crash.
exec 9> "$directory/lock"
flock --nonblock 9 || exit ${busyStatus}
echo $$ > "$cgroup/cgroup.procs"
mount -t overlay -o "lowerdir=$image,upperdir=$directory/upper,workdir=$directory/work" overlay "$directory/root"
# nspawn looks for its cgroup tree here, and on a hybrid machine would find the old one.
mount -t cgroup2 cgroup2 /sys/fs/cgroup
# Its locks and sockets, too, shall be gone with the last process.
mkdir -p /run/systemd/nspawn
mount -t tmpfs -o mode=0755 tmpfs /run/systemd/nspawn
boots=$(cat "$directory/boots" 2>/dev/null || echo 0)
while :; do
  boots=$((boots + 1))
  echo $boots > "$directory/.boots"
  mv "$directory/.boots" "$directory/boots"
  status=0
  systemd-nspawn --quiet --settings=no --boot --directory="$directory/root" --machine="$machine" --hostname="$name" \\
    --uuid="$id" --register=no --keep-unit --network-bridge="$bridge" --resolv-conf=off --timezone=off \\
    --link-journal=no --console=read-only --kill-signal=SIGRTMIN+3 \\
    --bind-ro="$directory/keys:/etc/ssh/authorized_keys.d" 9>&- || status=$?
  [ $status -eq ${rebootStatus} ] || exit $status
done
`;

/** Whether anything of a host runs, its start and its shutdown included. */
export function isRunning(paths: HostPaths): boolean {
  return isPopulated(paths.cgroup);
}

/** The host's first process as this machine numbers it; undefined until nspawn has made it. */
export function initProcess(paths: HostPaths): number | undefined {
  // systemd moves itself to init.scope; until then it is in the payload's own cgroup.
  return processesIn(join(paths.cgroup, 'payload/init.scope'))[0] ?? processesIn(join(paths.cgroup, 'payload'))[0];
}

/** A process of the host that is in the machine's network namespace, as the launcher and nspawn are. */
export function outerProcess(paths: HostPaths): number | undefined {
  return processesIn(paths.cgroup)[0] ?? processesIn(join(paths.cgroup, 'supervisor'))[0];
}

/** How often the host was booted since it was made. */
export function bootCount(paths: HostPaths): number {
  try {
    return Number(readFileSync(paths.boots, 'utf8'));
  } catch {
    return 0;
  }
}

/**
 * Starts a host and waits until its init runs. Starting one that runs, or is being started by somebody else, is fine.
 *
 * @throws CoreupError LOCAL_START with the end of its console if it does not come to that
 */
export async function startHost(paths: HostPaths, record: HostRecord, bridge: string): Promise<void> {
  if (isRunning(paths) && initProcess(paths) !== undefined) return;
  mkdirSync(paths.cgroup, { recursive: true });
  // The kernel takes what a systemd of 2024 or later starts (clone3 with CLONE_INTO_CGROUP) for part of what was killed, if it
  // goes from a cgroup that was there then into one that was not: SIGKILL for every service that is new (seen with 6.18).
  if (!isRunning(paths)) removeCgroupsIn(paths.cgroup);
  // A host that was killed a moment ago may still have its interface, and the new one could not take the name.
  if (!isRunning(paths)) await removeInterface(paths.link);
  // Its last run may have ended in something worth reading, unless that fills the disk.
  const output = openSync(paths.console, sizeOf(paths.console) > consoleLimit ? 'w' : 'a');
  const words = [paths.directory, paths.cgroup, record.image, bridge, paths.machine, paths.name, record.machineId];
  const isolated = ['--mount', '--propagation', 'private', 'sh', '-c', launcher, 'coreup-host', ...words];
  const child = spawn('unshare', isolated, {
    detached: true,
    cwd: '/',
    env: toolEnvironment(),
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  child.unref();
  let ended: number | null | undefined;
  child.once('exit', (status) => (ended = status));
  child.once('error', () => (ended = null));
  const started = await until(startDeadline, () => {
    if (initProcess(paths) !== undefined) return true;
    return ended !== undefined && ended !== busyStatus ? false : undefined;
  });
  if (started === true) return;
  await killCgroup(paths.cgroup);
  throw new CoreupError(
    `${paths.name} did not start${typeof ended === 'number' ? ` (status ${ended})` : ''}: ${consoleEnd(paths)}`,
    { code: 'LOCAL_START', member: paths.name, hint: `its console is in ${paths.console}` },
  );
}

/**
 * Shuts a host down as its power button would (SIGRTMIN+3, see systemd(1)), and cuts the power if it is not off by then.
 *
 * @param deadline milliseconds for the clean way
 * @returns whether it went the clean way
 */
export async function stopHost(paths: HostPaths, deadline = 10_000): Promise<boolean> {
  if (!isRunning(paths)) return true;
  const clean = await signalInit(paths, 3, deadline, () => (isRunning(paths) ? undefined : true));
  if (!clean) await killCgroup(paths.cgroup);
  return clean;
}

/**
 * Reboots a running host (SIGRTMIN+5) and waits until it has gone round: its next init runs.
 *
 * @returns false if it did not within the deadline; nothing was killed then
 */
export async function rebootHost(paths: HostPaths, deadline = 15_000): Promise<boolean> {
  const boots = bootCount(paths);
  const before = initProcess(paths);
  return signalInit(paths, 5, deadline, () => {
    const now = initProcess(paths);
    return bootCount(paths) > boots && now !== undefined && now !== before ? true : undefined;
  });
}

/**
 * Sends SIGRTMIN+n to the host's init, again each second, for an init that has just begun does not listen yet and the
 * kernel then drops the signal. Never sends it to a later init.
 */
async function signalInit(
  paths: HostPaths,
  offset: number,
  deadline: number,
  done: () => true | undefined,
): Promise<boolean> {
  const signalRealTimeMinimum = 34;
  const first = await until(deadline, () => initProcess(paths) ?? (isRunning(paths) ? undefined : -1));
  let next = 0;
  const result = await until(deadline, () => {
    if (done()) return true;
    if (first !== undefined && first > 0 && performance.now() >= next && initProcess(paths) === first) {
      signalProcess(first, signalRealTimeMinimum + offset);
      next = performance.now() + 1000;
    }
    return undefined;
  });
  return result === true;
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function consoleEnd(paths: HostPaths): string {
  if (!existsSync(paths.console)) return 'it said nothing';
  const lines = readFileSync(paths.console, 'utf8').split('\n');
  return (
    lines
      .filter((line) => line.trim() !== '')
      .slice(-2)
      .join(' | ') || 'it said nothing'
  );
}
