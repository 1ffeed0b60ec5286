import { ETCD_UNIT } from '../etcd/service.js';
import { parseStepOutput, stepScript } from '../plan/script.js';
import { restarts, type Step } from '../plan/step.js';
import type { Reporter } from '../report/port.js';
import type { Connection } from '../ssh/port.js';
import { CoreupError } from '../util/errors.js';
import { etcdHosts } from './etcd-host.js';
import { onAll } from './failures.js';
import type { HostRun, UpRun } from './run.js';
import type { Phase } from './runner.js';
import { waitForMember } from './wait.js';

/** Long enough for a slow disk or a unit that takes its time to start; etcd is never waited for here. */
const STEPS_TIMEOUT = 10 * 60_000;

/**
 * Runs the first stage of every host's steps: all hosts at once, except for those whose running etcd restarts. These
 * follow one at a time, each healthy before the next, so that the cluster keeps its quorum.
 */
export const apply: Phase<UpRun> = {
  title: 'Applying the cloud-configs',
  skip: ({ hosts }) => hosts.every((host) => host.plan.apply.length === 0),
  async run(run) {
    const { hosts, reporter, signal } = run;
    const todo = hosts.filter((host) => host.plan.apply.length > 0);
    const rolling = todo.filter((host) => restarts(host.plan, ETCD_UNIT));
    const free = todo.filter((host) => !rolling.includes(host));
    await onAll('the cloud-config could not be applied on', free, reporter, (host) =>
      runSteps(host, host.plan.apply, reporter, signal),
    );
    const etcd = etcdHosts(hosts);
    for (const host of rolling) {
      await onAll('the change stopped at', [host], reporter, async () => {
        // Everybody else must be sound before one more member goes away for a moment.
        for (const other of etcd.filter((member) => member.host !== host)) await waitForMember(other, run);
        await runSteps(host, host.plan.apply, reporter, signal);
        for (const self of etcd.filter((member) => member.host === host)) await waitForMember(self, run);
      });
    }
  },
};

/** Runs the second stage: what the cloud-config starts after etcd. */
export const finish: Phase<UpRun> = {
  title: 'Running the remaining commands',
  skip: ({ hosts }) => hosts.every((host) => host.plan.finish.length === 0),
  async run({ hosts, reporter, signal }) {
    const todo = hosts.filter((host) => host.plan.finish.length > 0);
    await onAll('commands of the cloud-config failed on', todo, reporter, (host) =>
      runSteps(host, host.plan.finish, reporter, signal),
    );
  },
};

async function runSteps(host: HostRun, steps: readonly Step[], reporter: Reporter, signal: AbortSignal): Promise<void> {
  for (const step of steps) reporter.debug(`${host.name}: ${step.kind} ${step.target} (${step.reason})`);
  reporter.member(host.name, `${count(steps)} to make`);
  await executeSteps(host.connection, steps, signal);
  reporter.member(host.name, `${count(steps)} made`, 'done');
}

/** The one way in which a host is changed. */
async function executeSteps(connection: Connection, steps: readonly Step[], signal: AbortSignal): Promise<void> {
  const { text, input } = stepScript(steps);
  const result = await connection.run({ text, input, sudo: true }, { signal, timeout: STEPS_TIMEOUT });
  const { done, failure } = parseStepOutput(result.stdout.toString());
  if (done === steps.length) return;
  const step = steps[done];
  const said = failure?.output ?? result.stderr.toString().trim();
  const what = step === undefined ? 'a step' : `${step.kind} ${step.target}`;
  throw new CoreupError(`${what} failed${said === '' ? '' : `: ${said}`}`, {
    code: 'STEP_FAILED',
    hint: 'What was done before it stays; mend the cause and run `coreup up` again.',
  });
}

function count(steps: readonly Step[]): string {
  const changes = steps.filter((step) => step.kind !== 'record').length;
  return changes === 1 ? '1 change' : `${changes} changes`;
}
