import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Store } from '../../../src/providers/local/store.js';
import type { FoundFile, Secrets } from './secrets.js';

/** What a host has that is on no disk, and goes when it ends. */
const IN_MEMORY = ['run', 'tmp', 'dev/shm'];

/**
 * Where secrets are in the files that a host has beyond its image: on its disk and in memory. It is read from the machine below,
 * with nothing of coreup's; owners are the host's own names.
 */
export async function secretsOnHost(secrets: Secrets, store: Store, name: string): Promise<readonly FoundFile[]> {
  const root = rootOf(store, name);
  const [users, groups] = [namesIn(join(root, 'etc/passwd')), namesIn(join(root, 'etc/group'))];
  const found = [
    ...(await secrets.inFiles(store.host(name).upper)),
    ...(
      await Promise.all(
        IN_MEMORY.map(async (path) =>
          (await secrets.inFiles(join(root, path))).map((one) => ({ ...one, where: join(path, one.where) })),
        ),
      )
    ).flat(),
  ];
  return found.map((one) => {
    const [uid = '', gid = ''] = one.owner.split(':');
    return { ...one, where: `/${one.where}`, owner: `${users.get(uid) ?? uid}:${groups.get(gid) ?? gid}` };
  });
}

/** Everything in a host's journal, field by field, from before its first boot ended on. */
export async function journalOf(store: Store, name: string): Promise<string> {
  const enter = ['--target', String(initOf(store, name)), '--mount', '--root'];
  const journal = await execa('nsenter', [...enter, 'journalctl', '--no-pager', '--all', '--output=export'], {
    maxBuffer: 1e9,
  });
  return journal.stdout;
}

function rootOf(store: Store, name: string): string {
  return `/proc/${initOf(store, name)}/root`;
}

/** The host's first process, as this machine numbers it. */
function initOf(store: Store, name: string): number {
  const pids = (directory: string): string[] => [
    ...readFileSync(join(directory, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean),
    ...readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .flatMap((entry) => pids(join(directory, entry.name))),
  ];
  const init = pids(store.host(name).cgroup).find((pid) =>
    /^NSpid:\s+\d+\s+1$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')),
  );
  if (init === undefined) throw new Error(`${name} does not run`);
  return Number(init);
}

/** Names by number, of passwd(5) or group(5). */
function namesIn(file: string): ReadonlyMap<string, string> {
  return new Map(
    readFileSync(file, 'utf8')
      .split('\n')
      .map((line) => line.split(':'))
      .map(([name = '', , id = '']) => [id, name]),
  );
}
