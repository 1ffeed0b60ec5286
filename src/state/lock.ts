import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { CoreupError, messageOf } from '../util/errors.js';
import { claim, contentOf, release, sweep } from './claim.js';
import type { StateDirectory } from './state.js';

/** Who holds the lock. A process is named by its id and start time, since ids are used again. */
export interface LockOwner {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat (proc(5)): clock ticks since boot; '' where there is no /proc. */
  readonly started: string;
  readonly host: string;
  readonly command: string;
  readonly since: string;
}

const FILE = 'lock';

/**
 * Takes the project's lock: one changing command at a time. A lock whose owner is dead is taken over.
 *
 * @returns a function that gives the lock back
 * @throws CoreupError LOCKED, naming the owner, if another process holds it
 */
export async function takeLock(directory: StateDirectory, command: string): Promise<() => Promise<void>> {
  await directory.ensure();
  const path = directory.file(FILE);
  const text = describeSelf(command);
  const present = await attempt(path, () => claim(path, text, isStale));
  if (present !== undefined) throw lockedBy(parseOwner(present));
  await attempt(path, () => sweep(path, isStale, runs));
  return () => release(path, text);
}

/** @returns the present owner, or undefined if nobody (or nobody readable) holds the lock */
export async function readLock(directory: StateDirectory): Promise<LockOwner | undefined> {
  const path = directory.file(FILE);
  const text = await attempt(path, () => contentOf(path));
  return text === undefined ? undefined : parseOwner(text);
}

/**
 * Removes a lock whose owner is gone, or whose owner's machine is not this one: only the person can know about that.
 *
 * @returns false if there is no lock
 * @throws CoreupError LOCKED if its owner still runs on this machine
 */
export async function unlock(directory: StateDirectory): Promise<boolean> {
  const path = directory.file(FILE);
  const doomed = await attempt(path, () => contentOf(path));
  if (doomed === undefined) return false;
  const text = describeSelf('unlock');
  const mayGo = (present: string): boolean =>
    isStale(present) || (present === doomed && parseOwner(present)?.host !== hostname());
  const present = await attempt(path, () => claim(path, text, mayGo));
  if (present !== undefined) throw lockedBy(parseOwner(present));
  await release(path, text);
  return true;
}

/** True only when it is certain: the owner ran on this machine and its process is no more. */
export function isGone(owner: LockOwner): boolean {
  if (owner.host !== hostname()) return false;
  const there = processOf(owner.pid);
  if (there === undefined) return !runs(owner.pid);
  return there.ended || (owner.started !== '' && there.started !== owner.started);
}

/** What is no lock is nobody's: a machine that lost its power may leave an empty file. */
function isStale(text: string): boolean {
  const owner = parseOwner(text);
  return owner === undefined || isGone(owner);
}

function parseOwner(text: string): LockOwner | undefined {
  try {
    const value = JSON.parse(text) as Partial<LockOwner> | null;
    return typeof value?.pid === 'number' && typeof value.host === 'string' ? (value as LockOwner) : undefined;
  } catch {
    return undefined;
  }
}

function describeSelf(command: string): string {
  const owner: LockOwner & { readonly id: string } = {
    pid: process.pid,
    started: processOf(process.pid)?.started ?? '',
    host: hostname(),
    command,
    since: new Date().toISOString(),
    id: randomUUID(),
  };
  return JSON.stringify(owner);
}

function lockedBy(owner: LockOwner | undefined): CoreupError {
  const where = owner === undefined || owner.host === hostname() ? '' : ` on ${owner.host}`;
  return new CoreupError(
    `this project is locked by \`coreup ${owner?.command ?? '?'}\` (process ${owner?.pid ?? '?'}${where}, since ${owner?.since ?? '?'})`,
    {
      code: 'LOCKED',
      hint:
        where === ''
          ? 'Wait until it has ended, or end it.'
          : `Wait until it has ended. If it runs no more on ${owner?.host ?? 'that machine'}, run \`coreup unlock\`.`,
    },
  );
}

/** What the file system refuses is no fault of coreup's. */
async function attempt<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new CoreupError(`cannot use the lock ${path}: ${messageOf(error)}`, {
      code: 'LOCK_UNUSABLE',
      hint: 'Make the directory usable for this user, on a file system with hard links.',
      cause: error,
    });
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

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, and belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
