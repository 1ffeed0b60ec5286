import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CoreupError, InterruptedError } from '../../util/errors.js';
import type { Progress } from '../port.js';
import { machineArchive } from './archive.js';
import { run, toolEnvironment } from './command.js';
import { imageScript, recipeHash } from './image-script.js';
import { cacheRoot } from './paths.js';
import { recipeFor, type ImageChoice } from './recipe.js';

export interface ImageOptions {
  /** Instead of /var/cache/coreup or `COREUP_CACHE_DIR`. */
  readonly cacheDir?: string;
  /** Instead of the archive in the machine's apt sources or `COREUP_MIRROR`. */
  readonly mirror?: string;
}

/** Where an image is, or will be, on this machine. */
export function imagePath(choice: ImageChoice, cacheDir = cacheRoot()): string {
  return join(cacheDir, 'images', `${choice.suite}-${recipeHash(recipeFor(choice))}`);
}

/**
 * Makes sure that a host image is on this machine, and builds it (about a minute) where it is not.
 * Builders wait for each other; one that was interrupted leaves nothing that would be used.
 *
 * @returns the directory that holds the image's root
 * @throws CoreupError LOCAL_IMAGE if it cannot be built, with the end of the build's log
 * @throws InterruptedError if `signal` was raised; the build has ended then
 */
export async function ensureImage(
  choice: ImageChoice,
  progress: Progress,
  signal?: AbortSignal,
  options: ImageOptions = {},
): Promise<string> {
  const image = imagePath(choice, options.cacheDir);
  if (existsSync(image)) return image;
  await build(choice, image, progress, signal, options);
  return image;
}

async function build(
  choice: ImageChoice,
  image: string,
  progress: Progress,
  signal: AbortSignal | undefined,
  options: ImageOptions,
): Promise<void> {
  const directory = join(image, '..');
  await mkdir(directory, { recursive: true, mode: 0o755 });
  const keyDirectory = join(directory, '.keys');
  const { suite } = choice;
  const archive = await machineArchive(suite, options.mirror, async (keys) => {
    // Named by content, so that two builders write the same bytes to the same place.
    const file = join(keyDirectory, `${createHash('sha256').update(keys).digest('hex').slice(0, 12)}.gpg`);
    await mkdir(keyDirectory, { recursive: true });
    await writeFile(file, keys);
    return file;
  });
  const building = join(directory, `.building-${image.slice(image.lastIndexOf('/') + 1)}`);
  const log = join(directory, `.log-${process.pid}`);
  await removeDeadLogs(directory);
  const script = imageScript(recipeFor(choice), archive, { image, building });
  progress(
    `building the ${suite} image${choice.packages?.length ? ` with ${choice.packages.join(', ')}` : ''}, which takes about a minute, once`,
  );
  const status = await runBuild(directory, script, log, progress, signal);
  if (status !== 0 || signal?.aborted === true) await removeHalfBuilt(directory);
  if (signal?.aborted === true) {
    await rm(log, { force: true });
    throw new InterruptedError('interrupted while building the image');
  }
  if (status !== 0) {
    const text = await readFile(log, 'utf8').catch(() => '');
    throw new CoreupError(`the ${suite} image could not be built (status ${String(status)}): ${lastLines(text)}`, {
      code: 'LOCAL_IMAGE',
      hint: `see ${log} for the whole story, and check that apt-get update works on this machine; then run it again`,
    });
  }
  await rm(log, { force: true });
}

/** Runs the script under the lock, and tells what it is doing. The lock is the kernel's: it ends with its holders. */
async function runBuild(
  directory: string,
  script: string,
  log: string,
  progress: Progress,
  signal: AbortSignal | undefined,
): Promise<number | null> {
  const output = await open(log, 'w');
  // In a PID namespace: when its first process ends, so does everything that a package's scripts have started.
  const isolated = ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', 'sh', '-c', script];
  const child = spawn('flock', [join(directory, '.lock'), ...isolated], {
    detached: true,
    // The rest of the environment may hold a proxy, which debootstrap heeds.
    env: { ...process.env, ...toolEnvironment() },
    stdio: ['ignore', output.fd, output.fd],
  });
  const end = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  const abort = () => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  };
  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted === true) abort();
  const watching = new AbortController();
  const watch = follow(log, progress, watching.signal);
  try {
    return await end;
  } finally {
    watching.abort();
    signal?.removeEventListener('abort', abort);
    await Promise.all([watch, output.close()]);
  }
}

/** What the build is at, told from the last line of its log that says so; the words are debootstrap's. */
const stages: readonly (readonly [RegExp, string])[] = [
  [/^I: (?:Checking|Resolving|Found)/, 'choosing packages'],
  [/^I: (?:Retrieving|Validating)/, 'downloading packages'],
  [/^I: (?:Extracting|Chosen|Unpacking|Installing)/, 'unpacking packages'],
  [/^I: Configuring/, 'configuring packages'],
  [/^\+ preparing/, 'preparing the system'],
  [/^\+ storing/, 'storing it'],
];

/** Passes on the stages of the build as its log shows them. */
async function follow(log: string, progress: Progress, signal: AbortSignal): Promise<void> {
  let last: string | undefined;
  while (!signal.aborted) {
    const lines = (await readFile(log, 'utf8').catch(() => '')).split('\n').reverse();
    const line = lines.find((entry) => stages.some(([pattern]) => pattern.test(entry)));
    const stage = line === undefined ? undefined : stages.find(([pattern]) => pattern.test(line))?.[1];
    if (stage !== undefined && stage !== last) progress(`image: ${stage}`);
    last = stage ?? last;
    await delay(500, undefined, { signal }).catch(() => undefined);
  }
}

/** Frees the disk at once, unless another builder has the lock by now, who does it too. */
async function removeHalfBuilt(directory: string): Promise<void> {
  await run('flock', ['--nonblock', join(directory, '.lock'), 'sh', '-c', 'rm -rf "$1"/.building-*', 'sh', directory]);
}

/** Logs of builds that were killed, or that failed in an earlier run. */
async function removeDeadLogs(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const pid = /^\.log-(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) await rm(join(directory, name), { force: true });
  }
}

function lastLines(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const errors = lines.filter((line) => /^(?:E:|W: Failure)/.test(line));
  return (errors.length > 0 ? errors : lines).slice(-3).join(' | ') || 'it said nothing';
}
