import { setMaxListeners } from 'node:events';
import { InterruptedError } from '../util/errors.js';

/** What to throw for an aborted signal: the reason it was given, or an interruption. */
export function abortReason(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  if (reason instanceof Error && reason.name !== 'AbortError') return reason;
  return new InterruptedError();
}

/** Throws if the signal has been aborted, with the same reasons as everywhere here. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortReason(signal);
}

/** Settles like `work`, unless the signal aborts first: then rejects with its reason, at once. */
export async function orAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop: (() => void) | undefined;
  const stopped = new Promise<never>((_, reject) => {
    stop = () => {
      reject(abortReason(signal));
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([stopped, work]);
  } finally {
    if (stop !== undefined) signal.removeEventListener('abort', stop);
  }
}

/** Several reasons to stop, as one signal. `dispose` lets go of the sources, which may live much longer. */
export interface Stop {
  readonly signal: AbortSignal;
  dispose(): void;
}

/**
 * @param sources signals to follow
 * @param timeout milliseconds, with the error to stop with when they are over
 */
export function stopOn(
  sources: readonly (AbortSignal | undefined)[],
  timeout?: { after: number; error: () => Error },
): Stop {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  const undo: (() => void)[] = [];
  for (const source of sources) {
    if (source === undefined) continue;
    const follow = () => {
      controller.abort(abortReason(source));
    };
    if (source.aborted) follow();
    setMaxListeners(0, source); // many runs may follow one signal; that is no leak
    source.addEventListener('abort', follow, { once: true });
    undo.push(() => {
      source.removeEventListener('abort', follow);
    });
  }
  if (timeout !== undefined) {
    const timer = setTimeout(() => {
      controller.abort(timeout.error());
    }, timeout.after);
    undo.push(() => {
      clearTimeout(timer);
    });
  }
  return {
    signal: controller.signal,
    dispose() {
      for (const step of undo) step();
    },
  };
}

/** Waits, or throws at once when the signal aborts. */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  try {
    await orAbort(over, signal);
  } finally {
    clearTimeout(timer);
  }
}
