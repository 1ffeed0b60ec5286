import type { HostRun } from '../phases/run.js';
import { isChange } from '../plan/step.js';
import { InterruptedError } from '../util/errors.js';

/** What an `up` had done when it was interrupted. */
export interface Done {
  /** Names of the hosts that were booted. */
  readonly booted: readonly string[];
  readonly hosts: readonly Pick<HostRun, 'name' | 'changes' | 'planned' | 'plan'>[];
  /** Changes to what fleet knows. */
  readonly services: number;
}

/** For a person who has pressed Ctrl-C: what was done, what was not, and how to go on. */
export function interruptedAt({ booted, hosts, services }: Done): InterruptedError {
  const counts = hosts.map((host) => ({
    name: host.name,
    changes: host.changes,
    all: host.planned ? [...host.plan.apply, ...host.plan.finish].filter(isChange).length : 0,
  }));
  const said = [
    ...(booted.length > 0 ? [`${booted.join(', ')} booted`] : []),
    ...counts
      .filter(({ all }) => all > 0)
      .map(({ name, changes, all }) => `${name}: ${changes} of ${all} changes made`),
    ...(services > 0 ? [`${services} ${services === 1 ? 'change' : 'changes'} made to services`] : []),
  ];
  return new InterruptedError(
    `interrupted${said.length === 0 ? ' before anything was changed' : `; ${said.join('; ')}`}`,
    'Run the same command again: it does what is left.',
  );
}
