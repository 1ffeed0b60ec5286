import { allSteps, type Step } from '../plan/step.js';
import { CoreupError } from '../util/errors.js';
import type { HostRun, UpRun } from './run.js';
import type { Phase } from './runner.js';

/** Asks a yes-or-no question. */
export type Ask = (question: string) => Promise<boolean>;

/**
 * Shows what is about to change, and asks, where hosts run a cluster already or are not coreup's own. New hosts of the
 * local provider are nobody's loss.
 *
 * @param ask absent where the person has agreed already, or where there is nobody to ask
 * @param undo takes back what was made on this machine for these changes, after a no or an interruption
 * @param command such as `certs rotate`, for the way to its plan
 * @throws CoreupError DECLINED for a no; nothing has been changed on any host by then
 */
export function consent(ask: Ask | undefined, undo: () => Promise<void>, command = 'up'): Phase<UpRun> {
  const plan = command === 'up' ? 'plan' : `${command} --plan`;
  return {
    title: 'Asking before hosts change',
    skip: (run) => ask === undefined || concerned(run).length === 0,
    async run(run) {
      for (const host of concerned(run)) run.reporter.info(summary(host));
      for (const line of quorumLines(run)) run.reporter.info(line);
      const agreed = await ask?.('Make these changes?').catch(async (error: unknown) => {
        await undo();
        throw error;
      });
      if (agreed === true) return;
      await undo();
      throw new CoreupError('nothing was changed on the hosts, since the answer was no', {
        code: 'DECLINED',
        hint: `\`coreup ${plan}\` shows the changes in full; \`coreup ${command} --yes\` makes them without asking.`,
      });
    },
  };
}

/** Hosts that somebody might miss: machines of others, those with etcd's data, and those that are taken over. */
function concerned({ hosts, provider, adopt = false }: UpRun): readonly HostRun[] {
  return hosts.filter((host) => {
    const changes = allSteps(host.plan).filter(isFelt);
    return changes.length > 0 && (provider.kind === 'ssh' || adopt || host.observation.data.length > 0);
  });
}

/** Starting what should run is no change, and the manifest only keeps the books. */
function isFelt({ action }: Step): boolean {
  return action.kind !== 'record' && !(action.kind === 'unit-command' && action.verb === 'start');
}

function summary({ name, plan }: HostRun): string {
  const steps = allSteps(plan).filter(({ kind }) => kind !== 'record');
  const told = steps.map((step) => {
    return step.action.kind === 'unit-command' ? `${step.action.verb} ${step.target}` : `${step.kind} ${step.target}`;
  });
  const shown = told.slice(0, MOST_TOLD).join(', ');
  const more = told.length > MOST_TOLD ? `, and ${told.length - MOST_TOLD} more` : '';
  return `${name}: ${steps.length === 1 ? '1 change' : `${steps.length} changes`}: ${shown}${more}`;
}

const MOST_TOLD = 8;

function quorumLines({ rollOut }: UpRun): readonly string[] {
  if (rollOut === undefined || rollOut.rolled.length === 0) return [];
  const during = rollOut.stages.at(-1)?.during;
  const order = `etcd restarts on ${rollOut.rolled.join(', then ')}: ${during?.up} of ${during?.voters} members stay up`;
  return rollOut.verdict === 'interrupts' ? [order, 'it does not answer while a member restarts'] : [order];
}
