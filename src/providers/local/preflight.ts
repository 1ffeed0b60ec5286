import { accessSync, constants, existsSync, readFileSync, statfsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Problem } from '../port.js';
import { toolPath } from './command.js';
import { findCgroupRoot, noCgroupRemedy } from './cgroup.js';

/** Commands that the local provider runs, and the Debian package of each. */
export const neededCommands: Readonly<Record<string, string>> = {
  'systemd-nspawn': 'systemd-container',
  debootstrap: 'debootstrap',
  ip: 'iproute2',
  unshare: 'util-linux',
  nsenter: 'util-linux',
  flock: 'util-linux',
  mount: 'mount',
  chroot: 'coreutils',
  dnsmasq: 'dnsmasq-base',
};

const megabyte = 1024 * 1024;
/** What a build takes at its peak: packages and what they unpack to. */
const imageSpace = 900 * megabyte;
/** What a host takes with an etcd whose log is preallocated. */
const hostSpace = 200 * megabyte;

export interface MachineNeeds {
  /** The image must be built first. */
  readonly image: boolean;
  /** How many hosts must be created. */
  readonly hosts: number;
  /** How many hosts are to run, these and others; 0 if they all do. */
  readonly running?: number;
  /** A name server is to serve the records of the cluster. */
  readonly dns?: boolean;
  readonly cacheDir: string;
  readonly dataDir: string;
}

/** What this machine lacks for real hosts. Starts no process, so that asking costs about a millisecond. */
export function machineProblems(needs: MachineNeeds): Problem[] {
  if (process.platform !== 'linux') {
    return [
      machine('local hosts need Linux', "use provider: { kind: 'ssh', hosts: […] } or run coreup on a Linux machine"),
    ];
  }
  return [
    ...rootProblems(),
    ...commandProblems(needs),
    ...kernelProblems(),
    ...inotifyProblems(needs.running ?? 0, inotifyLimit()),
    ...diskProblems(needs),
  ];
}

function rootProblems(): Problem[] {
  if (process.geteuid?.() !== 0) return [machine('local hosts need root', 'sudo coreup up')];
  if (mayDoEverything(readFileSync('/proc/self/status', 'utf8'), readFileSync('/proc/self/uid_map', 'utf8'))) return [];
  return [
    machine(
      'this is a container that may neither mount nor make networks, so it cannot hold hosts',
      "run coreup on the machine itself or in a privileged container, or use provider: { kind: 'ssh', hosts: […] }",
    ),
  ];
}

/**
 * Whether root here is root: all user IDs are its own and it may mount (CAP_SYS_ADMIN) and make networks (CAP_NET_ADMIN).
 *
 * @param status the text of /proc/self/status
 * @param uidMap the text of /proc/self/uid_map
 */
export function mayDoEverything(status: string, uidMap: string): boolean {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  const has = (bit: bigint) => ((effective >> bit) & 1n) === 1n;
  const allUsers = /^\s*0\s+0\s+4294967295\s*$/.test(uidMap);
  return allUsers && has(21n) && has(12n);
}

function commandProblems({ image, dns = false }: MachineNeeds): Problem[] {
  const spared = [...(image ? [] : ['debootstrap']), ...(dns ? [] : ['dnsmasq'])];
  const missing = Object.entries(neededCommands).filter(
    ([command]) => !spared.includes(command) && !isInstalled(command),
  );
  if (missing.length === 0) return [];
  const packages = [...new Set(missing.map(([, name]) => name))];
  return [
    {
      message: `local hosts need ${missing.map(([command]) => command).join(', ')}, which this machine does not have`,
      remedy: `apt-get install -y ${packages.join(' ')}`,
      packages,
      blame: 'machine',
    },
  ];
}

function isInstalled(command: string): boolean {
  return toolPath().some((directory) => may(join(directory, command), constants.X_OK));
}

function kernelProblems(): Problem[] {
  const problems: Problem[] = [];
  if (!/\toverlay$/m.test(readFileSync('/proc/filesystems', 'utf8')) && !hasOverlayModule()) {
    problems.push(
      machine('this kernel has no overlay file system, which hosts share their image by', 'modprobe overlay'),
    );
  }
  const root = findCgroupRoot(readFileSync('/proc/self/mountinfo', 'utf8'));
  if (root === undefined) {
    problems.push(machine('no cgroup2 tree is mounted here, so hosts cannot be kept apart', noCgroupRemedy));
  } else if (!may(root, constants.W_OK)) {
    problems.push(machine(`${root} is read-only here, so hosts cannot be kept apart`, `mount -o remount,rw ${root}`));
  }
  return problems;
}

/** What a host takes: five by its systemd, one by its D-Bus (systemd 252 and 257). */
const inotifyOfHost = 6;
/** For what else runs as root here. */
const inotifyOfOthers = 20;

/**
 * Whether so many hosts can run beside each other: all of them are root's, and beyond the kernel's limit a systemd starts
 * no service, without a word.
 *
 * @param limit `fs.inotify.max_user_instances`, see inotify(7)
 */
export function inotifyProblems(hosts: number, limit: number): Problem[] {
  const need = hosts * inotifyOfHost + inotifyOfOthers;
  if (hosts === 0 || need <= limit) return [];
  const enough = Math.max(1024, 2 ** Math.ceil(Math.log2(need)));
  return [
    machine(
      `${hosts} hosts need ${need} inotify instances, and this kernel gives root ${limit}`,
      `sysctl -w fs.inotify.max_user_instances=${enough}`,
    ),
  ];
}

function inotifyLimit(): number {
  const file = '/proc/sys/fs/inotify/max_user_instances';
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) : Infinity;
}

/** A module is listed in /proc/filesystems only once it is loaded, which the first mount does by itself. */
function hasOverlayModule(): boolean {
  const release = readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim();
  return existsSync(`/lib/modules/${release}/kernel/fs/overlayfs`);
}

function diskProblems(needs: MachineNeeds): Problem[] {
  const problems: Problem[] = [];
  if (/[:,\\"\s]/.test(needs.dataDir + needs.cacheDir)) {
    problems.push(
      machine(
        `${needs.dataDir} or ${needs.cacheDir} has a character in its name that mount options cannot carry`,
        'choose COREUP_DATA_DIR and COREUP_CACHE_DIR without colons, commas, quotes, backslashes and blanks',
      ),
    );
  }
  const data = statfsSync(existing(needs.dataDir));
  const overlayMagic = 0x794c7630;
  if (data.type === overlayMagic) {
    problems.push(
      machine(
        `${needs.dataDir} is itself on an overlay, and the disks of hosts cannot be laid over one`,
        'set COREUP_DATA_DIR to a directory on a real disk (in Docker: a volume)',
      ),
    );
  }
  const spaces = [
    { directory: needs.cacheDir, variable: 'COREUP_CACHE_DIR', need: needs.image ? imageSpace : 0, what: 'the image' },
    {
      directory: needs.dataDir,
      variable: 'COREUP_DATA_DIR',
      need: needs.hosts * hostSpace,
      what: `${needs.hosts} hosts`,
    },
  ];
  for (const { directory, variable, need, what } of spaces) {
    if (need === 0) continue;
    const stats = statfsSync(existing(directory));
    const free = stats.bavail * stats.bsize;
    if (free >= need) continue;
    problems.push(
      machine(
        `${directory} has ${Math.floor(free / megabyte)} MB left and ${what} may take ${need / megabyte} MB`,
        `free some space, or set ${variable} to a directory that has it`,
      ),
    );
  }
  return problems;
}

/** The nearest directory above that exists already. */
function existing(directory: string): string {
  return existsSync(directory) || dirname(directory) === directory ? directory : existing(dirname(directory));
}

function may(file: string, mode: number): boolean {
  try {
    accessSync(file, mode);
    return true;
  } catch {
    return false;
  }
}

function machine(message: string, remedy: string): Problem {
  return { message, remedy, blame: 'machine' };
}
