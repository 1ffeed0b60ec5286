import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';

/** Who holds a lock. A process is named by its id and start time, since ids are used again. */
export interface LockOwner {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat (proc(5)): clock ticks since boot; '' where there is no /proc. */
  readonly started: string;
  readonly host: string;
  readonly user?: string;
  /** Where the process id counts; absent where there is no /proc. */
  readonly place?: Place;
  readonly command: string;
  readonly since: string;
}

/** One boot of one machine, and one of the containers on it. */
export interface Place {
  /** Made from machine-id(5), which is not to be shown to others; '' where there is none. */
  readonly machine: string;
  /** random(4), boot_id. */
  readonly boot: string;
  /** pid_namespaces(7), such as `pid:[4026531836]`. */
  readonly pids: string;
}

/** The PID namespace of a machine that is no container (PROC_PID_INIT_INO in the kernel's proc_ns.h). */
const OUTERMOST = 'pid:[4026531836]';

/** This process as an owner. */
export function describeSelf(command: string): LockOwner {
  const place = placeHere();
  return {
    pid: process.pid,
    started: processOf(process.pid)?.started ?? '',
    host: hostname(),
    user: userName(),
    ...(place === undefined ? {} : { place }),
    command,
    since: new Date().toISOString(),
  };
}

/** @returns undefined for what is no owner */
export function parseOwner(text: string): LockOwner | undefined {
  try {
    const value = JSON.parse(text) as Partial<LockOwner> | null;
    return typeof value?.pid === 'number' && typeof value.host === 'string' ? (value as LockOwner) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the owner's process can be looked at from here; `rebooted` where its machine, this one, was started anew since. */
export function whereabouts(owner: LockOwner): 'here' | 'rebooted' | 'elsewhere' {
  const here = placeHere();
  const { place } = owner;
  if (place === undefined || here === undefined) return owner.host === hostname() ? 'here' : 'elsewhere';
  // A container shares its machine's boot and often its name: the same process id is another process there.
  if (place.boot === here.boot) return place.pids === here.pids ? 'here' : 'elsewhere';
  const same = owner.host === hostname() && place.machine === here.machine && here.machine !== '';
  return same && place.pids === OUTERMOST && here.pids === OUTERMOST ? 'rebooted' : 'elsewhere';
}

/** True only when it is certain: the owner ran on this machine and its process is no more. */
export function isGone(owner: LockOwner): boolean {
  const where = whereabouts(owner);
  if (where !== 'here') return where === 'rebooted';
  const there = processOf(owner.pid);
  if (there === undefined) return !runs(owner.pid);
  return there.ended || (owner.started !== '' && there.started !== owner.started);
}

/** `alice on laptop`, and the command and time: for a sentence that says who is in the way. */
export function nameOf(owner: LockOwner | undefined): string {
  if (owner === undefined) return 'somebody';
  const who = owner.user === undefined ? [] : [owner.user];
  const where = owner.host === hostname() ? [] : [`on ${owner.host}`];
  const person = [...who, ...where].join(' ');
  const rest = `process ${owner.pid}, since ${owner.since}`;
  return `\`coreup ${owner.command}\` (${person === '' ? '' : `${person}, `}${rest})`;
}

export function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, and belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** @returns undefined where there is no /proc */
export function placeHere(): Place | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return { machine: machineId(), boot, pids: readlinkSync('/proc/self/ns/pid') };
  } catch {
    return undefined;
  }
}

function machineId(): string {
  try {
    return createHash('sha256').update(readFileSync('/etc/machine-id')).digest('hex').slice(0, 16);
  } catch {
    return '';
  }
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run as a user that has no entry anywhere.
    return `uid ${process.getuid?.() ?? '?'}`;
  }
}

/** @returns undefined where there is no such process, or no /proc to tell */
function processOf(pid: number): { readonly started: string; readonly ended: boolean } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // After the name in brackets: the state, field 3, and the start time, field 22 (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie has ended; only its parent has not looked yet.
    return { started: fields[19] ?? '', ended: fields[0] === 'Z' || fields[0] === 'X' };
  } catch {
    return undefined;
  }
}
