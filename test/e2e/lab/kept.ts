import { statSync } from 'node:fs';
import { join } from 'node:path';
import { ask, base64 } from './etcd-load.js';
import type { TestProject } from './project.js';
import type { Machines } from './survive.js';

const pki = (project: TestProject) => join(project.directory, '.coreup', 'pki');

/** Writes what no change may lose. */
export async function keep(project: TestProject): Promise<void> {
  const { code, stderr } = await project.coreup(['etcdctl', '--', 'put', 'kept', 'all the while']);
  if (code !== 0) throw new Error(stderr);
}

/**
 * What each member says of it, asked itself: the value, the revision at which it was written, the cluster and the member; and
 * whether its data is what it was founded with. They answer by whichever scheme they have.
 */
export async function keptBy(project: TestProject, { names, paths }: Machines): Promise<readonly unknown[]> {
  return Promise.all(
    names.map(async (name) => {
      const read = (scheme: 'http' | 'https') => {
        const endpoint = { scheme, host: `172.17.8.10${name.slice(-1)}` };
        return ask(endpoint, pki(project), '/v3/kv/range', { key: base64('kept') });
      };
      const { header, kvs } = JSON.parse(await Promise.any([read('http'), read('https')])) as {
        header: { cluster_id: string; member_id: string };
        kvs?: readonly { value: string; mod_revision: string }[];
      };
      const { cluster_id, member_id } = header;
      const data = statSync(join(paths(name).upper, 'var/lib/etcd2/member')).ino;
      return {
        name,
        cluster_id,
        member_id,
        data,
        kvs: kvs?.map(({ value, mod_revision }) => ({ value, mod_revision })),
      };
    }),
  );
}
