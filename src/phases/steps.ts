import { fenceScript, FENCED, stopScript } from '../plan/lock-script.js';
import { GO, parseStepOutput, stepScript, type StepScript } from '../plan/script.js';
import { isChange, type Step } from '../plan/step.js';
import { orAbort } from '../ssh/abort.js';
import { CoreupError, InterruptedError } from '../util/errors.js';
import { lockLost } from './host-lock.js';
import type { HostRun, UpRun } from './run.js';

/** Long enough for a slow disk or a unit that takes its time to start; etcd is never waited for here. */
const STEPS_TIMEOUT = 10 * 60_000;
const STOP_TIMEOUT = 10_000;

/** A step that others have to be waited for with, in the middle of the steps of a host. */
export interface Wait {
  readonly before: Step;
  readonly until: Promise<void>;
}

/** Makes steps on a host, and tells of it. */
export async function runSteps(host: HostRun, steps: readonly Step[], run: UpRun, wait?: Wait): Promise<void> {
  const { reporter } = run;
  for (const step of steps) reporter.debug(`${host.name}: ${step.kind} ${step.target} (${step.reason})`);
  reporter.member(host.name, `${count(steps)} to make`);
  await executeSteps(host, steps, run, wait);
  reporter.member(host.name, `${count(steps)} made`, 'done');
}

/** The one way in which a host is changed. A Ctrl-C ends it after the step that is running. */
async function executeSteps(host: HostRun, steps: readonly Step[], run: UpRun, wait?: Wait): Promise<void> {
  const { signal, locks } = run;
  const compiled = stepScript(steps, wait?.before);
  const input = wait ? { [Symbol.asyncIterator]: () => inputAfter(wait, compiled, signal) } : compiled.input;
  const script = { text: fenceScript(locks.id) + compiled.text, input, sudo: true };
  const heard: Buffer[] = [];
  const tell = follow(host, steps, run);
  const onStdout = (chunk: Buffer): void => {
    heard.push(chunk);
    tell(chunk);
  };
  const interrupted = (): boolean => signal.aborted;
  const stop = (): void => {
    host.connection.run({ text: stopScript(locks.id), sudo: true }, { timeout: STOP_TIMEOUT }).catch(() => undefined);
  };
  if (interrupted()) throw new InterruptedError();
  signal.addEventListener('abort', stop, { once: true });
  const result = await host.connection
    // Whoever is waited for has as long.
    .run(script, { timeout: wait ? 2 * STEPS_TIMEOUT : STEPS_TIMEOUT, onStdout })
    .catch((error: unknown) => {
      const { done } = parseStepOutput(Buffer.concat(heard).toString());
      host.changes += steps.slice(0, done).filter(isChange).length;
      throw cutOff(steps[done], error);
    })
    .finally(() => {
      signal.removeEventListener('abort', stop);
    });
  const output = result.stdout.toString();
  const { done, failure } = parseStepOutput(output);
  host.changes += steps.slice(0, done).filter(isChange).length;
  if (done === steps.length) return;
  if (done === 0 && result.code === FENCED) throw lockLost(output);
  if (interrupted() && !failure && result.code === 0) throw new InterruptedError();
  const step = steps[done];
  const said =
    (failure?.output ?? result.stderr.toString().trim()) || endOf(failure?.code ?? result.code, result.signal);
  throw new CoreupError(`${nameOf(step)} failed: ${said}`, {
    code: 'STEP_FAILED',
    hint: 'What was done before it stays; mend the cause and run `coreup up` again.',
  });
}

/** The input of a script that waits. After a Ctrl-C it ends: what the script waits with is not made. */
async function* inputAfter(
  { until }: Wait,
  { input, rest }: StepScript,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  yield* input;
  await orAbort(until, signal).catch(() => undefined);
  if (signal.aborted) return;
  yield GO;
  yield* rest;
}

/** Writes into the journal which step is under way, and tells of it, as the host reports them. */
function follow({ name }: HostRun, steps: readonly Step[], { journal, reporter }: UpRun): (chunk: Buffer) => void {
  let done = 0;
  const tell = (): void => {
    const step = steps[done];
    if (step) {
      journal?.step(name, nameOf(step));
      const { kind, target, reason } = step;
      reporter.step?.(name, { step: done + 1, of: steps.length, kind, target, reason });
    } else journal?.stepped(name);
  };
  tell();
  return (chunk) => {
    // Each step reports itself with one mark.
    const reports = chunk.reduce((sum, byte) => sum + (byte === 0x1e ? 1 : 0), 0);
    for (let report = 0; report < reports; report++) {
      done++;
      tell();
    }
  };
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
  if (step === undefined) return 'a step';
  const verb = step.action.kind === 'unit-command' ? `${step.action.verb} ` : '';
  return `${step.kind} ${verb}${step.target}`;
}

/** For a step that says nothing itself. */
function endOf(code: number | null, signal: string | null): string {
  return signal === null ? `it ended with exit code ${code}` : `it was ended by ${signal}`;
}

function count(steps: readonly Step[]): string {
  const changes = steps.filter(isChange).length;
  return changes === 1 ? '1 change' : `${changes} changes`;
}
