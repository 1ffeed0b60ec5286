import { etcdHosts } from './etcd-host.js';
import { MembersFailedError, onAll, type MemberFailure } from './failures.js';
import { tryPort } from './reach-port.js';
import type { HostRun, UpRun } from './run.js';
import type { Phase } from './runner.js';

/** Milliseconds for one try; the kernel gives up finding a neighbour after three seconds. */
const LIMIT = 4000;

/**
 * Before a cluster is founded on machines that exist: whether each host reaches the members at their private addresses.
 * Nobody needs to listen there yet, for a refusal comes from the host, too. Afterwards etcd itself shows it.
 */
export const checkReach: Phase<UpRun> = {
  title: 'Checking that the hosts reach each other',
  skip: ({ founding, provider, hosts }) => !founding || provider.kind === 'local' || hosts.length < 2,
  async run({ hosts, reporter }) {
    const members = etcdHosts(hosts).map(({ host }) => host);
    const failures = await onAll('no host was changed, since these could not be asked', hosts, reporter, (host) =>
      blockedFrom(host, members),
    );
    const blocked = failures.flat();
    if (blocked.length === 0) return;
    throw new MembersFailedError('no host was changed, since these do not reach the other members', blocked);
  },
};

async function blockedFrom(host: HostRun, members: readonly HostRun[]): Promise<readonly MemberFailure[]> {
  const port = host.member.role === 'etcd' ? PEER : CLIENT;
  const tried = await Promise.all(
    members
      .filter((other) => other !== host)
      .map(async ({ name, member }) => {
        const answer = await tryPort(host.connection, member.privateIpv4, port, LIMIT);
        return answer.kind === 'blocked' ? [`${name} at ${member.privateIpv4}:${port} (${answer.reason})`] : [];
      }),
  );
  const blocked = tried.flat();
  if (blocked.length === 0) return [];
  return [
    {
      member: host.name,
      message: `does not reach ${blocked.join(', ')}`,
      hint:
        `Let the hosts reach each other's TCP ports ${PEER} (etcd's members) and ${CLIENT} (their clients) at these ` +
        "addresses, or give those at which they do: `private_ipv4: '…'` in config.ts.",
    },
  ];
}

const PEER = 2380;
const CLIENT = 2379;
