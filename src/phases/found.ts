import { etcdHosts } from './etcd-host.js';
import type { UpRun } from './run.js';
import type { Phase } from './runner.js';

/**
 * Remembers that the cluster is about to be founded, and by whom: an `up` that is interrupted before the cluster was ever
 * whole may go on.
 */
export const found: Phase<UpRun> = {
  title: 'Founding the cluster',
  skip: ({ founding }) => !founding,
  async run({ hosts, state, tls }) {
    const members = etcdHosts(hosts).map(({ name }) => name);
    await state.update((before) => ({ ...before, bootstrap: { phase: 'started', members, ...(tls && { tls }) } }));
  },
};
