import { link, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { CoreupError } from '../util/errors.js';
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
  const owner: LockOwner = {
    pid: process.pid,
    started: startTime(process.pid),
    host: hostname(),
    command,
    since: new Date().toISOString(),
  };
  // A finished file is linked into place, so that nobody ever reads half a lock.
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, JSON.stringify(owner), { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < 3; attempt++) {
      try {
        await link(draft, path);
        return () => rm(path, { force: true });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const holder = await readLock(directory);
      if (holder && !isGone(holder)) throw lockedBy(holder);
      await rm(path, { force: true });
    }
    throw new CoreupError(`cannot take the lock ${path}: others take it again and again`, {
      code: 'LOCKED',
      hint: 'Wait for the other coreup commands in this directory to end.',
    });
  } finally {
    await unlink(draft);
  }
}

/** @returns the present owner, or undefined if nobody (or nobody readable) holds the lock */
export async function readLock(directory: StateDirectory): Promise<LockOwner | undefined> {
  try {
    return JSON.parse(await readFile(directory.file(FILE), 'utf8')) as LockOwner;
  } catch {
    return undefined;
  }
}

/**
 * Removes a lock whose owner is gone, or whose owner's machine is not this one: only the person can know about that.
 *
 * @returns false if there is no lock
 * @throws CoreupError LOCKED if its owner still runs on this machine
 */
export async function unlock(directory: StateDirectory): Promise<boolean> {
  const holder = await readLock(directory);
  if (!holder) return false;
  if (holder.host === hostname() && !isGone(holder)) throw lockedBy(holder);
  await rm(directory.file(FILE), { force: true });
  return true;
}

/** True only when it is certain: the owner ran on this machine and its process is no more. */
export function isGone(owner: LockOwner): boolean {
  return owner.host === hostname() && startTime(owner.pid) !== owner.started;
}

function lockedBy(owner: LockOwner): CoreupError {
  const where = owner.host === hostname() ? '' : ` on ${owner.host}`;
  return new CoreupError(
    `this project is locked by \`coreup ${owner.command}\` (process ${owner.pid}${where}, since ${owner.since})`,
    { code: 'LOCKED', hint: 'Wait until it has ended. If its machine is gone, run `coreup unlock`.' },
  );
}

function startTime(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return pid === process.pid ? '' : 'gone';
  }
}
