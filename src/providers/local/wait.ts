import { setTimeout as delay } from 'node:timers/promises';

/**
 * Asks again every ten milliseconds until the answer is not undefined.
 *
 * @param deadline milliseconds after which it gives up and returns undefined
 */
export async function until<T>(
  deadline: number,
  ask: () => T | undefined,
  signal?: AbortSignal,
): Promise<T | undefined> {
  const end = performance.now() + deadline;
  for (;;) {
    const answer = ask();
    if (answer !== undefined) return answer;
    if (performance.now() >= end || signal?.aborted === true) return undefined;
    await delay(10);
  }
}
