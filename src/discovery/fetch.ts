import { setTimeout as delay } from 'node:timers/promises';
import { CoreupError, InterruptedError, messageOf } from '../util/errors.js';
import { wayOut } from '../util/proxy.js';

/** How patient to be with a discovery service; times in milliseconds. */
export interface Limits {
  /** For one request, from dialling to the last byte. */
  readonly timeout: number;
  /** Pauses before each further attempt; as many as there are further attempts. */
  readonly pauses: readonly number[];
  /** The longest answer that is read. */
  readonly bytes: number;
}

export interface FetchOptions extends Limits {
  readonly signal?: AbortSignal | undefined;
  /** Told before each further attempt, with what went wrong. */
  readonly onRetry?: ((reason: string) => void) | undefined;
}

export interface Answer {
  readonly status: number;
  /** Where a redirect leads to; redirects are not followed. */
  readonly location: string | undefined;
  readonly text: string;
}

/**
 * Gets a small text from a discovery service that may be slow, overloaded, or not a discovery service at all. Follows no
 * redirect. Goes through the proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY name.
 *
 * Tried again: what may pass (no connection, a cut-off or late answer, 429, 5xx), as often as there are pauses.
 *
 * @throws CoreupError DISCOVERY_UNREACHABLE without an answer, DISCOVERY_UNAVAILABLE for 429 and 5xx, DISCOVERY_ANSWER
 *   for an answer that is too long; InterruptedError
 */
export async function fetchText(url: string, options: FetchOptions): Promise<Answer> {
  const pauses = [...options.pauses];
  for (;;) {
    let failure: CoreupError;
    // A deadline for the whole of it: a service that sends a byte now and then is slow, too.
    const late = AbortSignal.timeout(options.timeout);
    try {
      const answer = await attempt(url, late, options);
      if (answer.status < 500 && answer.status !== 429) return answer;
      failure = unavailable(url, answer);
    } catch (error) {
      if (options.signal?.aborted === true) throw new InterruptedError();
      if (error instanceof CoreupError) throw error;
      failure = unreachable(
        url,
        late.aborted ? `no whole answer within ${options.timeout / 1000} s` : messageOf(error),
        error,
      );
    }
    const pause = pauses.shift();
    if (pause === undefined) throw failure;
    options.onRetry?.(failure.message);
    await delay(pause, undefined, options.signal === undefined ? {} : { signal: options.signal }).catch(() => {
      throw new InterruptedError();
    });
  }
}

async function attempt(url: string, late: AbortSignal, { bytes, signal }: FetchOptions): Promise<Answer> {
  const { dispatcher, request } = await wayOut();
  try {
    const { statusCode, headers, body } = await request(url, {
      dispatcher,
      headers: { accept: 'text/plain, application/json', 'user-agent': 'coreup' },
      signal: signal === undefined ? late : AbortSignal.any([late, signal]),
    });
    body.on('error', () => undefined); // what happens after the part that is read is of no interest
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > bytes) throw tooLong(url, bytes);
      chunks.push(chunk);
    }
    const { location } = headers;
    return {
      status: statusCode,
      location: typeof location === 'string' ? location : undefined,
      text: Buffer.concat(chunks).toString(),
    };
  } finally {
    await dispatcher.destroy();
  }
}

function unavailable(url: string, { status, text }: Answer): CoreupError {
  return new CoreupError(
    `${hostOf(url)} answers ${status}${status === 503 ? ' (service unavailable)' : ''}${said(text)}`,
    {
      code: 'DISCOVERY_UNAVAILABLE',
    },
  );
}

function unreachable(url: string, reason: string, cause: unknown): CoreupError {
  return new CoreupError(`${hostOf(url)} cannot be asked: ${reason}`, { code: 'DISCOVERY_UNREACHABLE', cause });
}

function tooLong(url: string, bytes: number): CoreupError {
  return new CoreupError(
    `${hostOf(url)} answers with more than ${bytes} bytes, which is no answer of a discovery service`,
    {
      code: 'DISCOVERY_ANSWER',
    },
  );
}

/** The part of a URL that may be shown and read aloud: no token, no password. */
export function hostOf(url: string): string {
  return new URL(url).host;
}

/** The beginning of what a service has said, in one line, for a message. */
export function said(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim();
  if (line === '') return '';
  return `: ${JSON.stringify(line.length > 80 ? `${line.slice(0, 79)}…` : line)}`;
}
