import type { UpRun } from './run.js';
import type { Phase } from './runner.js';

/** Makes ready what members ask when they first start; not needed once the cluster has been whole. */
export const meet: Phase<UpRun> = {
  title: 'Preparing discovery',
  skip: ({ founding, rendezvous }) => !founding || rendezvous === undefined,
  async run(run) {
    await run.rendezvous?.open(run);
  },
};
