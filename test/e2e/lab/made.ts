import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { diskOf } from './disk.js';
import type { TestProject } from './project.js';
import type { ExecDocument } from './shapes.js';
import type { Machines } from './survive.js';

/** What is not the same every time, by path on the hosts. */
export interface Different {
  /** Files with other contents each time. */
  readonly contents?: RegExp;
  /** Files that are there or not. */
  readonly presence?: RegExp;
}

/**
 * Everything that a command has made: disks, processes and their settings, units, what it has left on the hosts, and what there
 * is in the project.
 *
 * @param units that are looked at, beside those that have failed
 */
export async function everythingOf(
  project: TestProject,
  { names, paths }: Machines,
  units: readonly string[],
  { contents, presence }: Different = {},
): Promise<unknown> {
  const look = [
    'sudo cat /proc/$(pidof etcd)/environ | tr "\\0" "\\n" | grep ^ETCD | sort',
    `systemctl is-active ${units.join(' ')}; systemctl is-enabled ${units.join(' ')}`,
    'systemctl list-units --failed --no-legend',
    'sudo ls -A /run/coreup 2>/dev/null | grep -vxE "lock|owner|steps"',
  ].join('; ');
  const looks = await project.json<ExecDocument>(['exec', '--', look]);
  const disk = (name: string) =>
    [...diskOf(paths(name).upper)]
      .filter(([path]) => presence?.test(path) !== true)
      .map(([path, what]) => [path, contents?.test(path) === true ? what.replace(/^file \w+/, 'file') : what]);
  const files = async (...below: readonly string[]) => (await readdir(join(project.directory, ...below))).sort();
  return {
    disks: names.map((name) => Object.fromEntries(disk(name)) as unknown),
    hosts: looks.members,
    // How much of the journal there is depends on how much has happened.
    files: [await files(), (await files('.coreup')).filter((name) => name !== 'journal.1')],
  };
}
