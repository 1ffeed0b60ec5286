import type { Readable } from 'node:stream';
import type { TestProject } from './project.js';
import type { StatusDocument } from './shapes.js';

/** Waits, without `up`, until the cluster is healthy; at most a minute. */
export async function healthy(project: TestProject): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const status = await project.json<StatusDocument>(['status']);
    if (status.healthy) return;
    if (Date.now() > deadline) throw new Error(`not healthy by itself: ${JSON.stringify(status, null, 2)}`);
  }
}

/** Looks until what is seen is as it should be; at most so many seconds, with a failure that shows the last look. */
export async function until<T>(
  what: string,
  look: () => Promise<T>,
  holds: (seen: T) => boolean,
  seconds = 90,
): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const seen = await look();
    if (holds(seen)) return seen;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${seconds} s; last seen: ${JSON.stringify(seen)}`);
    await new Promise((done) => setTimeout(done, 250));
  }
}

/** Resolves when a line that starts with `text` has been printed; rejects if the output ends without it. */
export function seen(output: Readable | null, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let printed = '';
    output?.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
      if (`\n${printed}`.includes(`\n${text}`)) resolve();
    });
    output?.on('end', () => reject(new Error(`"${text}" was never printed:\n${printed}`)));
  });
}
