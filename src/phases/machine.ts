import type { Problem } from '../providers/port.js';
import { CoreupError, InputError } from '../util/errors.js';
import type { UpRun } from './run.js';
import type { Phase } from './runner.js';

/**
 * Checks that this machine can do what the provider needs, before anything is changed. Missing Debian packages are
 * installed if the person agrees.
 *
 * @param yes agreed already, with `--yes`
 */
export function checkMachine(yes: boolean): Phase<UpRun> {
  return {
    title: 'Checking this machine',
    async run({ provider, cluster, reporter, ssh }) {
      const checking = provider.check(cluster);
      // It waits for other programs.
      ssh.prepare();
      const problems = await checking;
      const packages = [...new Set(problems.flatMap((problem) => problem.packages ?? []))];
      const others = problems.filter((problem) => !problem.packages);
      if (others.length > 0) throw problemsError(others);
      if (packages.length === 0) return;
      if (!(await mayInstall(yes, packages))) throw problemsError(problems);
      const { installPackages } = await import('../providers/local/packages.js');
      await installPackages(packages, (note) => reporter.info(note));
      const left = await provider.check(cluster);
      if (left.length > 0) throw problemsError(left);
    },
  };
}

async function mayInstall(yes: boolean, packages: readonly string[]): Promise<boolean> {
  if (yes) return true;
  if (!process.stdin.isTTY || !process.stderr.isTTY) return false;
  const { confirm } = await import('../report/confirm.js');
  return confirm(`Debian packages are missing on this machine: ${packages.join(', ')}. Install them?`);
}

/** One error for all that is missing, with every remedy. */
export function problemsError(problems: readonly Problem[]): CoreupError {
  const message = problems.map((problem) => problem.message).join('\n');
  const hint = [...new Set(problems.map((problem) => problem.remedy))].join('\n');
  const wrongInput = problems.every((problem) => problem.blame === 'input');
  return wrongInput
    ? new InputError(message, { code: 'PROVIDER_INPUT', hint })
    : new CoreupError(message, { code: 'MACHINE_UNFIT', hint });
}
