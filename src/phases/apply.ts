import { ETCD_UNIT } from '../etcd/service.js';
import { parseStepOutput, stepScript } from '../plan/script.js';
import { restarts, type Step } from '../plan/step.js';
import { FLEET_UNIT } from '../fleet/service.js';
import type { Reporter } from '../report/port.js';
import { CoreupError } from '../util/errors.js';
import { etcdHosts } from './etcd-host.js';
import { onAll } from './failures.js';
import { fleetHosts, launchedUnits, waitForMachine, waitForUnits } from './fleet-host.js';
import { serves } from './quorum.js';
import type { HostRun, UpRun } from './run.js';
import type { Phase } from './runner.js';
import { waitForMember } from './wait.js';

/** Long enough for a slow disk or a unit that takes its time to start; etcd is never waited for here. */
const STEPS_TIMEOUT = 10 * 60_000;

/**
 * Runs the first stage of every host's steps: all hosts at once, except for those whose working etcd restarts. These
 * follow one at a time, each healthy before the next, so that the cluster keeps its quorum (src/plan/quorum.ts).
 */
export const apply: Phase<UpRun> = {
  title: 'Applying the cloud-configs',
  skip: ({ hosts }) => hosts.every((host) => host.plan.apply.length === 0),
  async run(run) {
    const { hosts, reporter } = run;
    const { mended = [], lost = [] } = run.rollOut ?? {};
    const todo = hosts.filter((host) => host.plan.apply.length > 0 && !host.applied);
    const rolling = todo.filter(
      (host) => restarts(host.plan, ETCD_UNIT) && serves(host) && !mended.includes(host.name),
    );
    const free = todo.filter((host) => !rolling.includes(host));
    await onAll('the cloud-config could not be applied on', free, reporter, (host) => applyHost(host, run));
    const etcd = etcdHosts(hosts);
    for (const host of rolling) {
      // Everybody else must be sound before one more member goes away for a moment; for those that are down, and stay so,
      // the quorum has been counted without them.
      const others = etcd.filter((member) => member.host !== host && !lost.includes(member.name));
      await onAll(`nothing was changed on ${host.name}, since these are not healthy`, others, reporter, (other) =>
        waitForMember(other, run),
      );
      await onAll('the change stopped at', [host], reporter, async () => {
        await applyHost(host, run);
        for (const self of etcd.filter((member) => member.host === host)) await waitForMember(self, run);
      });
    }
  },
};

/** Makes the first stage of one host's steps. */
export async function applyHost(host: HostRun, { reporter, signal }: UpRun): Promise<void> {
  await runSteps(host, host.plan.apply, reporter, signal);
  host.applied = true;
}

/**
 * Runs the second stage: what comes after etcd. A fleetd that works and is restarted first stops its units, and others
 * take them over: one host at a time, each back before the next.
 */
export const finish: Phase<UpRun> = {
  title: 'Running the remaining commands',
  skip: ({ hosts }) => hosts.every((host) => host.plan.finish.length === 0),
  async run(run) {
    const { hosts, reporter, signal } = run;
    const todo = hosts.filter((host) => host.plan.finish.length > 0);
    const rolling = todo.filter(
      (host) => restarts(host.plan, FLEET_UNIT) && host.observation.units.get(FLEET_UNIT)?.active === 'active',
    );
    const free = todo.filter((host) => !rolling.includes(host));
    await onAll('commands of the cloud-config failed on', free, reporter, (host) =>
      runSteps(host, host.plan.finish, reporter, signal),
    );
    for (const host of rolling) {
      await onAll('the change stopped at', [host], reporter, async () => {
        const fleet = fleetHosts([host])[0];
        const before = fleet && (await launchedUnits(fleet));
        await runSteps(host, host.plan.finish, reporter, signal);
        if (!fleet || !before) return;
        await waitForMachine(fleet, run);
        await waitForUnits(fleet, before, run);
      });
    }
  },
};

async function runSteps(host: HostRun, steps: readonly Step[], reporter: Reporter, signal: AbortSignal): Promise<void> {
  for (const step of steps) reporter.debug(`${host.name}: ${step.kind} ${step.target} (${step.reason})`);
  reporter.member(host.name, `${count(steps)} to make`);
  await executeSteps(host, steps, signal);
  reporter.member(host.name, `${count(steps)} made`, 'done');
}

/** The one way in which a host is changed. */
async function executeSteps(host: HostRun, steps: readonly Step[], signal: AbortSignal): Promise<void> {
  const { text, input } = stepScript(steps);
  const heard: Buffer[] = [];
  const onStdout = (chunk: Buffer): number => heard.push(chunk);
  const result = await host.connection
    .run({ text, input, sudo: true }, { signal, timeout: STEPS_TIMEOUT, onStdout })
    .catch((error: unknown) => {
      const { done } = parseStepOutput(Buffer.concat(heard).toString());
      host.changes += steps.slice(0, done).filter(isChange).length;
      throw cutOff(steps[done], error);
    });
  const { done, failure } = parseStepOutput(result.stdout.toString());
  host.changes += steps.slice(0, done).filter(isChange).length;
  if (done === steps.length) return;
  const step = steps[done];
  const said =
    (failure?.output ?? result.stderr.toString().trim()) || endOf(failure?.code ?? result.code, result.signal);
  throw new CoreupError(`${nameOf(step)} failed: ${said}`, {
    code: 'STEP_FAILED',
    hint: 'What was done before it stays; mend the cause and run `coreup up` again.',
  });
}

/** A connection that broke off, with the step that was under way; anything else as it is. */
function cutOff(step: Step | undefined, error: unknown): unknown {
  if (!(error instanceof CoreupError) || !['SSH_LOST', 'SSH_TIMEOUT'].includes(error.code)) return error;
  return new CoreupError(`${nameOf(step)} was cut off: ${error.message}`, {
    code: error.code,
    hint: 'Every file is either as it was or as it should be; run `coreup up` again to finish.',
    cause: error,
  });
}

function nameOf(step: Step | undefined): string {
  return step === undefined ? 'a step' : `${step.kind} ${step.target}`;
}

/** For a step that says nothing itself. */
function endOf(code: number | null, signal: string | null): string {
  return signal === null ? `it ended with exit code ${code}` : `it was ended by ${signal}`;
}

function isChange(step: Step): boolean {
  return step.kind !== 'record';
}

function count(steps: readonly Step[]): string {
  const changes = steps.filter(isChange).length;
  return changes === 1 ? '1 change' : `${changes} changes`;
}
