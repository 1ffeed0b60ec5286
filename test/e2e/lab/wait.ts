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
