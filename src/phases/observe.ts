import type { Observation, Question } from '../plan/observation.js';
import { observeScript, parseObservation } from '../plan/observe.js';
import { followUp } from '../plan/question.js';
import { onAll } from './failures.js';
import { runAsRoot } from './remote.js';
import type { UpRun } from './run.js';
import type { Phase } from './runner.js';

/** Looks at every host, all at once, without changing anything. */
export const observe: Phase<UpRun> = {
  title: 'Looking at the hosts',
  async run({ hosts, reporter, signal }) {
    for (const host of hosts) if (host.fresh) host.observation = host.fresh;
    const there = hosts.filter(({ fresh }) => fresh === undefined);
    await onAll('no host was changed, since these could not be looked at', there, reporter, async (host) => {
      const look = async (question: Question): Promise<Observation> =>
        parseObservation(
          question,
          await runAsRoot(host.connection, 'looking at the host', observeScript(question), { signal }),
        );
      const first = await look(host.question);
      // What an earlier user-data left there is known only now.
      const more = followUp(host.question, first);
      host.observation = more ? await look(more) : first;
      const { os, etcd } = host.observation;
      reporter.member(host.name, `${os.id} ${os.version}, etcd ${etcd?.version?.text ?? 'none'}`, 'done');
    });
  },
};
