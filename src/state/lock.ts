import { randomUUID } from 'node:crypto';
import { open, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { CoreupError, InterruptedError, messageOf } from '../util/errors.js';
import { claim, contentOf, release, sweep } from './claim.js';
import { describeSelf, isGone, nameOf, parseOwner, runs, whereabouts, type LockOwner } from './owner.js';
import type { StateDirectory } from './state.js';

export { isGone, type LockOwner } from './owner.js';

const FILE = 'lock';
/** Milliseconds between two signs of life. */
const BEAT = 5000;
/** How long to watch for one, and how often to look, before an owner elsewhere counts as gone. */
const WATCH: Watch = { silence: 6 * BEAT, poll: 500 };

export interface Watch {
  readonly silence: number;
  readonly poll: number;
}

/**
 * Takes the project's lock: one changing command at a time. A lock whose owner is dead is taken over. While it is held,
 * the file's time of change moves: a sign of life for those who cannot see the process, on other machines and in other
 * containers. They compare it with itself, never with a clock.
 *
 * @returns a function that gives the lock back
 * @throws CoreupError LOCKED, naming the owner, if another process holds it
 */
export async function takeLock(directory: StateDirectory, command: string): Promise<() => Promise<void>> {
  await directory.ensure();
  const path = directory.file(FILE);
  const text = lockText(command);
  const present = await attempt(path, () => claim(path, text, isStale));
  if (present !== undefined) throw lockedBy(parseOwner(present));
  await attempt(path, () => sweep(path, isStale, runs));
  const beat = setInterval(() => void signOfLife(path, text), BEAT).unref();
  return async () => {
    clearInterval(beat);
    await release(path, text);
  };
}

/** @returns the present owner, or undefined if nobody (or nobody readable) holds the lock */
export async function readLock(directory: StateDirectory): Promise<LockOwner | undefined> {
  const path = directory.file(FILE);
  const text = await attempt(path, () => contentOf(path));
  return text === undefined ? undefined : parseOwner(text);
}

export interface UnlockOptions {
  /** The person says that an owner elsewhere is gone: it is not watched for a sign of life. */
  readonly sure?: boolean;
  /** Told before it is watched. */
  readonly onWatch?: (owner: LockOwner, seconds: number) => void;
  readonly signal?: AbortSignal;
  readonly watch?: Watch;
}

/**
 * Removes a lock whose owner is gone. One on another machine or in another container counts as gone after half a minute
 * without a sign of life.
 *
 * @returns false if there is no lock
 * @throws CoreupError LOCKED if its owner still runs
 */
export async function unlock(directory: StateDirectory, options: UnlockOptions = {}): Promise<boolean> {
  const path = directory.file(FILE);
  const doomed = await attempt(path, () => contentOf(path));
  if (doomed === undefined) return false;
  const owner = parseOwner(doomed);
  const far = owner !== undefined && whereabouts(owner) === 'elsewhere';
  if (far && options.sure !== true) await attempt(path, () => watchFor(path, owner, options));
  const text = lockText('unlock');
  const mayGo = (present: string): boolean => isStale(present) || (present === doomed && far);
  const present = await attempt(path, () => claim(path, text, mayGo));
  if (present !== undefined) throw lockedBy(parseOwner(present));
  await release(path, text);
  return true;
}

/** @throws CoreupError LOCKED as soon as the lock gives a sign of life */
async function watchFor(path: string, owner: LockOwner, options: UnlockOptions): Promise<void> {
  const { silence, poll } = options.watch ?? WATCH;
  options.onWatch?.(owner, silence / 1000);
  const first = await lastSign(path);
  const end = performance.now() + silence;
  while (performance.now() < end) {
    await delay(poll);
    if (options.signal?.aborted === true) throw new InterruptedError();
    const sign = await lastSign(path);
    // Given back meanwhile.
    if (sign === undefined) return;
    if (sign !== first) {
      throw new CoreupError(`this project is locked by ${nameOf(owner)}, and it gives signs of life`, {
        code: 'LOCKED',
        hint: `Wait until it has ended, or end it on ${owner.host}.`,
      });
    }
  }
}

/** Opened each time: a network file system then asks its server (close-to-open consistency, nfs(5)). */
async function lastSign(path: string): Promise<number | undefined> {
  try {
    const file = await open(path);
    try {
      return (await file.stat()).mtimeMs;
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function signOfLife(path: string, text: string): Promise<void> {
  try {
    if ((await contentOf(path)) === text) await utimes(path, new Date(), new Date());
  } catch {
    // One that is missed does no harm, and the next may succeed.
  }
}

/** What is no lock is nobody's: a machine that lost its power may leave an empty file. */
function isStale(text: string): boolean {
  const owner = parseOwner(text);
  return owner === undefined || isGone(owner);
}

/** Never the same twice. */
function lockText(command: string): string {
  return JSON.stringify({ ...describeSelf(command), id: randomUUID() });
}

function lockedBy(owner: LockOwner | undefined): CoreupError {
  const far = owner !== undefined && whereabouts(owner) === 'elsewhere';
  const where = owner?.host === hostname() ? 'in its container' : `on ${owner?.host ?? 'its machine'}`;
  return new CoreupError(`this project is locked by ${nameOf(owner)}`, {
    code: 'LOCKED',
    hint: far
      ? `Wait until it has ended. If it runs no more ${where}, run \`coreup unlock\`, which finds out.`
      : 'Wait until it has ended, or end it.',
  });
}

/** What the file system refuses is no fault of coreup's. */
async function attempt<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CoreupError) throw error;
    throw new CoreupError(`cannot use the lock ${path}: ${messageOf(error)}`, {
      code: 'LOCK_UNUSABLE',
      hint: 'Make the directory usable for this user, on a file system with hard links.',
      cause: error,
    });
  }
}
