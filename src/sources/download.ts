import { createHash, randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { access, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CoreupError, InputError, InterruptedError, messageOf } from '../util/errors.js';
import { makeDirectories } from '../util/fs.js';
import { wayOut } from '../util/proxy.js';

/** Milliseconds without a byte after which a download is given up. */
const SILENCE = 60_000;

export interface Download {
  readonly url: string;
  /** What the bytes must have, in hex; undefined takes whatever comes. */
  readonly sha256: string | undefined;
  /** Where downloads are kept, each under its sum. */
  readonly directory: string;
  readonly signal?: AbortSignal | undefined;
  readonly onStart?: () => void;
}

/**
 * Downloads a file once: one with the wanted sum that is there already is not asked for again. Follows redirects, as releases
 * have them; the sum says whether what comes is what is wanted.
 *
 * @returns its path and its sum
 * @throws InputError SOURCE_CHECKSUM if the bytes are others; CoreupError SOURCE_DOWNLOAD if there are none, or what
 *   wayOut throws
 */
export async function download(wish: Download): Promise<{ readonly file: string; readonly sha256: string }> {
  const { url, directory, signal } = wish;
  const wanted = wish.sha256?.toLowerCase();
  if (wanted !== undefined) {
    const file = join(directory, wanted);
    if (
      await access(file).then(
        () => true,
        () => false,
      )
    )
      return { file, sha256: wanted };
  }
  wish.onStart?.();
  await makeDirectories(directory, 0o700);
  const temporary = join(directory, `.${randomBytes(6).toString('hex')}.tmp`);
  try {
    const found = await fetchTo(url, temporary, signal);
    if (wanted !== undefined && found !== wanted) throw wrongSum(url, wanted, found);
    await rename(temporary, join(directory, found));
    return { file: join(directory, found), sha256: found };
  } catch (error) {
    if (error instanceof CoreupError) throw error;
    if (signal?.aborted) throw new InterruptedError();
    throw new CoreupError(`cannot download ${url}: ${reasonOf(error)}`, {
      code: 'SOURCE_DOWNLOAD',
      hint: 'Check the address and the network, or download it yourself and name the file.',
      cause: error,
    });
  } finally {
    await rm(temporary, { force: true });
  }
}

async function fetchTo(url: string, file: string, signal: AbortSignal | undefined): Promise<string> {
  const { dispatcher, fetch } = await wayOut();
  const silence = new AbortController();
  const timer = setTimeout(() => {
    silence.abort(new Error(`nothing came for ${SILENCE / 1000} s`));
  }, SILENCE);
  const stop = signal ? AbortSignal.any([signal, silence.signal]) : silence.signal;
  try {
    const response = await fetch(url, { signal: stop, dispatcher });
    if (!response.ok || !response.body)
      throw new Error(`the server answered ${response.status} ${response.statusText}`);
    const sum = createHash('sha256');
    const watch = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        timer.refresh();
        sum.update(chunk);
        done(null, chunk);
      },
    });
    await pipeline(response.body, watch, createWriteStream(file, { mode: 0o600, flags: 'wx' }), { signal: stop });
    return sum.digest('hex');
  } finally {
    clearTimeout(timer);
    await dispatcher.destroy();
  }
}

function wrongSum(url: string, wanted: string, found: string): InputError {
  return new InputError(`${url} has the sha256 ${found}, not ${wanted}`, {
    code: 'SOURCE_CHECKSUM',
    hint: 'It is another release, or somebody has changed it. Compare with what its maker has published, then correct config.ts.',
  });
}

/** fetch hides the reason of a failure in its cause. */
function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  return cause === undefined ? messageOf(error) : messageOf(cause);
}
