import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { Store } from '../../../src/providers/local/store.js';
import type { TestProject } from './project.js';

/** A power cut: every process of the host is gone at once. */
export function cutPower(project: TestProject, cluster: string, host: string): void {
  writeFileSync(join(new Store(cluster, project.dataDir).host(host).cgroup, 'cgroup.kill'), '1');
}

/**
 * Pulls a host's cable; it runs on, alone.
 *
 * @returns how to plug it in again
 */
export async function unplug(host: string): Promise<() => Promise<void>> {
  const { name, bridge } = await bridgePort(`172.17.8.10${host.slice(-1)}`);
  await execa('ip', ['link', 'set', name, 'nomaster']);
  return async () => {
    await execa('ip', ['link', 'set', name, 'master', bridge]);
  };
}

/** The interface by which a host is plugged into the bridge: the one behind which its address is. */
async function bridgePort(address: string): Promise<{ name: string; bridge: string }> {
  const neighbour = (await execa('ip', ['neigh', 'show', address])).stdout;
  const [, bridge = '', mac = ''] = /dev (\S+) lladdr (\S+)/.exec(neighbour) ?? [];
  const table = (await execa('bridge', ['fdb', 'show', 'br', bridge])).stdout;
  const [, name = ''] = new RegExp(`^${mac} dev (\\S+) (?!.*permanent)`, 'm').exec(table) ?? [];
  if (bridge === '' || name === '') throw new Error(`nothing is plugged in at ${address}: ${neighbour}\n${table}`);
  return { name, bridge };
}
