import { setTimeout as delay } from 'node:timers/promises';
import { EtcdV2Client } from '../etcd/v2-client.js';
import { wantsEtcd } from '../plan/adapt.js';
import { orAbort } from '../ssh/abort.js';
import { CoreupError, messageOf } from '../util/errors.js';
import { dialEtcd, discoveryHost, etcdHosts } from './etcd-host.js';
import { onAll } from './failures.js';
import type { HostRun, UpRun } from './run.js';
import type { Phase } from './runner.js';
import { PATIENCE, waitForMember } from './wait.js';

/** Proves what runs etcd beside the cluster: proxies lead to the members, and the node that serves discovery answers. */
export const verifyOthers: Phase<UpRun> = {
  title: 'Verifying proxies and discovery',
  skip: ({ hosts }) => discoveryHost(hosts) === undefined && proxies(hosts).length === 0,
  async run(run) {
    const node = discoveryHost(run.hosts);
    const names = etcdHosts(run.hosts).map(({ expected }) => expected.name);
    await onAll('etcd does not run on', node ? [node] : [], run.reporter, async (member) => {
      await waitForMember(member, run);
      run.reporter.member(member.name, 'serves discovery', 'done');
    });
    await onAll('the etcd proxy does not lead to the cluster on', proxies(run.hosts), run.reporter, async (host) => {
      await orAbort(waitForProxy(host, names, run), run.signal);
      run.reporter.member(host.name, 'the proxy leads to the cluster', 'done');
    });
  },
};

function proxies(hosts: readonly HostRun[]): readonly HostRun[] {
  return hosts.filter(({ member, desired }) => member.role === 'worker' && wantsEtcd(desired));
}

async function waitForProxy(host: HostRun, names: readonly string[], { patience = PATIENCE }: UpRun): Promise<void> {
  const client = new EtcdV2Client(dialEtcd(host));
  const deadline = performance.now() + patience.ready;
  for (;;) {
    const problem = await lookThrough(client, names);
    if (problem === undefined) return;
    if (performance.now() > deadline) {
      throw new CoreupError(problem, {
        code: 'PROXY_NOT_READY',
        hint: `Look at its journal: \`coreup logs ${host.name} etcd2.service\`.`,
      });
    }
    await delay(patience.poll[1]);
  }
}

/** @returns what is wrong with what the proxy shows of the cluster */
async function lookThrough(client: EtcdV2Client, names: readonly string[]): Promise<string | undefined> {
  try {
    const shown = await client.memberNames();
    const missing = names.filter((name) => !shown.includes(name));
    return missing.length === 0 ? undefined : `the proxy does not know ${missing.join(', ')}`;
  } catch (error) {
    return messageOf(error);
  }
}
