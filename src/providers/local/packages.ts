import { execa } from 'execa';
import { CoreupError } from '../../util/errors.js';

/**
 * Installs Debian packages on this machine.
 *
 * @param note told what is being done
 * @throws CoreupError PACKAGES_FAILED with the end of what apt-get said
 */
export async function installPackages(packages: readonly string[], note: (text: string) => void): Promise<void> {
  note(`Installing ${packages.join(', ')}`);
  const apt = ['install', '--yes', '--no-install-recommends', ...packages];
  const options = { env: { DEBIAN_FRONTEND: 'noninteractive' }, stdin: 'ignore', reject: false, all: true } as const;
  const first = await execa('apt-get', apt, options);
  if (first.exitCode === 0) return;
  // The package lists may be missing or old.
  await execa('apt-get', ['update'], options);
  const second = await execa('apt-get', apt, options);
  if (second.exitCode === 0) return;
  throw new CoreupError(
    `apt-get could not install ${packages.join(', ')}: ${second.all.split('\n').slice(-3).join('; ')}`,
    {
      code: 'PACKAGES_FAILED',
      hint: `Run \`apt-get update && apt-get install ${packages.join(' ')}\` and look at what it says.`,
    },
  );
}
