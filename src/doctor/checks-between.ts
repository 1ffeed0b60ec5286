import { misplaced } from '../cluster/addresses.js';
import { ETCD_UNIT } from '../etcd/service.js';
import { error, HERE, warning, type Finding } from './finding.js';
import type { ClockOffset, HostView } from './host-view.js';

/** What is wrong between hosts. Pure. */
export function checkBetween(hosts: readonly HostView[], unplaced: readonly string[]): readonly Finding[] {
  return [
    ...clocks(hosts),
    ...machineIds(hosts),
    ...hostNames(hosts),
    ...addresses(hosts, unplaced),
    ...blockedPorts(hosts),
  ];
}

/** etcd warns above one second between members (etcd, rafthttp/probing_status.go). */
const PEERS = 1000;
/** Certificates and tokens are judged by the clock: what is made here must not be of tomorrow there. */
const FAR = 60_000;

function clocks(hosts: readonly HostView[]): readonly Finding[] {
  const told = hosts.flatMap(({ name, clock }) => (clock ? [{ name, clock }] : []));
  const advice = 'Let all machines keep time: `timedatectl set-ntp true`, or chrony.';
  const far = told.filter(({ clock }) => atLeast(clock.offset, clock.bound) > FAR);
  const [first, last] = extremes(told);
  const apart =
    first && last ? atLeast(last.clock.offset - first.clock.offset, first.clock.bound + last.clock.bound) : 0;
  return [
    ...(first && last && apart > PEERS
      ? [
          (apart > FAR ? error : warning)(
            'clock',
            last.name,
            `has a clock that is ${seconds(last.clock.offset - first.clock.offset)} before that of ${first.name}`,
            advice,
          ),
        ]
      : []),
    ...far.map(({ name, clock: { offset } }) =>
      error(
        'clock-here',
        name,
        `has a clock that is ${seconds(Math.abs(offset))} ${offset > 0 ? 'before' : 'behind'} that of ${HERE}`,
        advice,
      ),
    ),
  ];
}

/** How far two clocks are apart at the least. */
function atLeast(offset: number, bound: ClockOffset['bound']): number {
  return Math.max(0, Math.abs(offset) - bound);
}

function extremes<T extends { readonly clock: ClockOffset }>(
  told: readonly T[],
): readonly [T | undefined, T | undefined] {
  const sorted = [...told].sort((a, b) => a.clock.offset - b.clock.offset);
  return [sorted[0], sorted.at(-1)];
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

function machineIds(hosts: readonly HostView[]): readonly Finding[] {
  return twins(hosts, ({ facts }) => facts?.machineId).map(([id, names]) => {
    const [, ...later] = names;
    return error(
      'machine-id-twins',
      names.join(', '),
      `have the same machine ID, ${id}: they were copied from one image, and fleet takes them for one machine`,
      `On all but one of them: coreup exec ${later.map((name) => `--on ${name}`).join(' ')} -- 'sudo rm /etc/machine-id && sudo systemd-machine-id-setup && sudo reboot'`,
    );
  });
}

function hostNames(hosts: readonly HostView[]): readonly Finding[] {
  return twins(hosts, ({ facts }) => facts?.hostname).map(([hostname, names]) =>
    warning(
      'hostname-twins',
      names.join(', '),
      `have the same host name, ${hostname}: their logs and metrics cannot be told apart`,
      'Set `hostname:` in the user-data, which coreup fills in with the name of each member; then: coreup up',
    ),
  );
}

function addresses(hosts: readonly HostView[], unplaced: readonly string[]): readonly Finding[] {
  const placed = hosts
    .filter(({ name }) => !unplaced.includes(name))
    .map(({ name, member, facts }) => ({ name, privateIpv4: member.privateIpv4, network: facts?.network }));
  // Those that are not on their own host are told of there.
  return misplaced(placed)
    .filter(({ message }) => message.includes('also on'))
    .map(({ member, message, hint }) => error('address-twins', member, message, hint));
}

function twins(
  hosts: readonly HostView[],
  valueOf: (host: HostView) => string | undefined,
): readonly (readonly [string, readonly string[]])[] {
  const groups = new Map<string, string[]>();
  for (const host of hosts) {
    const value = valueOf(host);
    if (value === undefined || value === '') continue;
    groups.set(value, [...(groups.get(value) ?? []), host.name]);
  }
  return [...groups].filter(([, names]) => names.length > 1);
}

/** A refusal is only wrong where etcd runs: otherwise nobody listens, which is told of already. */
function blockedPorts(hosts: readonly HostView[]): readonly Finding[] {
  const runs = new Map(hosts.map(({ name, facts }) => [name, facts?.units.get(ETCD_UNIT)?.active === 'active']));
  return hosts.flatMap(({ name, ports }) =>
    ports.flatMap(({ to, address, port, answer }): readonly Finding[] => {
      const where = `${to} at ${address}:${port}`;
      if (answer.kind === 'blocked') {
        const what = `does not reach ${where} (${answer.reason})`;
        const advice = `Let TCP port ${port} through between the hosts: look at firewalls (\`nft list ruleset\`) and routes on both, and between them.`;
        return [error('port-blocked', name, what, advice)];
      }
      if (answer.kind === 'refused' && runs.get(to) === true) {
        const what = `is refused by ${where}, where etcd runs`;
        const advice = `See where it listens: coreup ssh ${to} -- sudo ss -tlnp. Then look at the firewall and at listen-client-urls and listen-peer-urls.`;
        return [error('port-blocked', name, what, advice)];
      }
      return [];
    }),
  );
}
