import { messageOf } from '../util/errors.js';
import { onAll } from './failures.js';
import type { UpRun } from './run.js';
import type { Phase } from './runner.js';

/** Logs in to every host. Nothing has been changed on any host before all of them are reached. */
export const connect: Phase<UpRun> = {
  title: 'Reaching the hosts',
  skip: ({ hosts }) => hosts.every(({ fresh }) => fresh !== undefined),
  async run({ hosts, provider, ssh, reporter, signal, connectDeadline }) {
    const there = hosts.filter(({ fresh }) => fresh === undefined);
    await onAll('no host was changed, since these could not be reached', there, reporter, async (host) => {
      const target = await provider.target(host.member);
      host.connection = await ssh.connect(target, {
        deadline: connectDeadline,
        signal,
        onRetry: (reason) => reporter.member(host.name, `waiting: ${messageOf(reason)}`),
      });
      reporter.member(host.name, `reached at ${target.address}`, 'done');
    });
  },
};
