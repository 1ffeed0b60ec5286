import { chooseAddresses, type Addresses, type LookedAt } from '../cluster/addresses.js';
import type { Member } from '../cluster/types.js';
import { MembersFailedError, onAll } from '../phases/failures.js';
import { NETWORK_COMMANDS, parseNetwork } from '../plan/host-network.js';
import { addressesOf, givenAs, withGiven } from '../providers/ssh.js';
import type { Reporter } from '../report/port.js';
import type { Connection, Ssh } from '../ssh/port.js';
import type { FoundAddresses } from '../state/state.js';
import { CoreupError, messageOf } from '../util/errors.js';
import { withAddresses, type Project } from './project.js';
import { openProvider } from './session.js';

/** Milliseconds for a look at a host's addresses. */
const LOOK_TIMEOUT = 10_000;

/**
 * Finds, on machines that exist, the addresses that config.ts does not give. What was found stays: it is looked for
 * again only while etcd has never been started, or where config.ts reaches the host in another way.
 *
 * @param options.remember whether to keep what was found in the project's state
 * @returns the project with the addresses of all members; the same one where there is nothing to find
 * @throws MembersFailedError naming hosts that cannot be reached, or whose addresses nobody can choose but their owner
 */
export async function findAddresses(
  project: Project,
  options: { readonly ssh: Ssh; readonly reporter: Reporter; readonly signal: AbortSignal; readonly remember: boolean },
): Promise<Project> {
  const wanted = await unsettled(project);
  if (wanted.length === 0) return project;
  return options.reporter.phase('Finding the addresses of the hosts', async () => {
    const seen = await lookAtAll(project, options);
    const { found, refusals } = chooseAddresses(seen, wanted);
    if (refusals.length > 0) {
      throw new MembersFailedError('no host was changed, since the addresses of these are not known', refusals);
    }
    const kept = keep(project, found);
    for (const [name, { private_ipv4: inside, public_ipv4: outside }] of Object.entries(kept)) {
      options.reporter.member(name, `private ${inside}, public ${outside}`, 'done');
    }
    if (options.remember) {
      await project.state.update((state) => ({ ...state, addresses: { ...state.addresses, ...kept } }));
    }
    return withAddresses(project, kept);
  });
}

/** Names of the members whose addresses have to be looked for. */
async function unsettled({ config, cluster, state, unplaced }: Project): Promise<readonly string[]> {
  const { provider } = config;
  if (provider.kind === 'local') return [];
  const { bootstrap } = await state.load();
  const given = provider.hosts.map(addressesOf);
  return cluster.members
    .filter(
      ({ name }, position) => unplaced.includes(name) || (given[position] === undefined && bootstrap === undefined),
    )
    .map(({ name }) => name);
}

/** All hosts, not only those that are wanted: an address that two of them have is nobody's. */
async function lookAtAll(
  project: Project,
  { ssh, reporter, signal }: { readonly ssh: Ssh; readonly reporter: Reporter; readonly signal: AbortSignal },
): Promise<readonly LookedAt[]> {
  const provider = await openProvider(project, false);
  return onAll(
    'no host was changed, since these could not be reached',
    project.cluster.members,
    reporter,
    async (member) => {
      const connection = await ssh.connect(await provider.target(member), {
        deadline: project.config.ssh.connect_timeout * 1000,
        signal,
        onRetry: (reason) => reporter.member(member.name, `waiting: ${messageOf(reason)}`),
      });
      return look(member, connection, signal);
    },
  );
}

async function look({ name }: Member, connection: Connection, signal: AbortSignal): Promise<LookedAt> {
  const text = [
    ...NETWORK_COMMANDS,
    // sshd tells a session where it came from and where it arrived (ssh(1), ENVIRONMENT).
    `printf '\\036%s\\036' "$SSH_CONNECTION"`,
    'cat /proc/sys/kernel/random/boot_id 2>/dev/null; true',
  ].join('\n');
  const { stdout } = await connection.run({ text }, { timeout: LOOK_TIMEOUT, signal });
  const [printed = '', arrival = '', bootId = ''] = stdout.toString().split('\x1e');
  const network = parseNetwork(printed);
  if (!network) {
    throw new CoreupError('has no `ip` that could tell its addresses', {
      code: 'NO_IP_PROGRAM',
      hint: "Install iproute2 there, or give `private_ipv4: '…'` in its entry of provider.hosts.",
      member: name,
    });
  }
  return { name, network, reached: arrival.split(' ')[2], bootId: bootId.trim() };
}

function keep({ config, cluster }: Project, found: ReadonlyMap<string, Addresses>): Record<string, FoundAddresses> {
  const { provider } = config;
  if (provider.kind === 'local') return {};
  return Object.fromEntries(
    cluster.members.flatMap(({ name }, position) => {
      const [host, seen] = [provider.hosts[position], found.get(name)];
      if (!host || !seen) return [];
      const { privateIpv4, publicIpv4 } = withGiven(seen, host);
      return [[name, { at: givenAs(host), private_ipv4: privateIpv4, public_ipv4: publicIpv4 }]];
    }),
  );
}
