import { isIPv4 } from 'node:net';

/** One IPv4 address of a host, as `ip -4 addr` has it. */
export interface HostAddress {
  readonly address: string;
  readonly interface: string;
  /** `global` for what others can reach; `host` for loopback, `link` for link-local addresses. */
  readonly scope: string;
  /** Added to an interface that has another address in the same network, as floating addresses are. */
  readonly secondary: boolean;
}

/** The IPv4 addresses of a host. */
export interface HostNetwork {
  readonly addresses: readonly HostAddress[];
  /** The interface of the default route. */
  readonly defaultInterface: string | undefined;
}

/** What was seen of a host whose addresses are looked for. */
export interface LookedAt {
  readonly name: string;
  readonly network: HostNetwork;
  /** The host's own address at which the login arrived; where there is NAT, the one behind it. */
  readonly reached: string | undefined;
  /** Made anew by the kernel at each boot: two hosts with the same one are one machine. */
  readonly bootId: string;
}

/** What `$private_ipv4` and `$public_ipv4` stand for on a host. */
export interface Addresses {
  readonly privateIpv4: string;
  readonly publicIpv4: string;
}

/** Why a host's addresses are not taken. */
export interface AddressRefusal {
  readonly member: string;
  readonly message: string;
  readonly hint: string;
}

/** RFC 1918, and RFC 6598, which providers use in the same way. */
export function isPrivateRange(address: string): boolean {
  return (
    isIPv4(address) && /^(10|192\.168|172\.(1[6-9]|2\d|3[01])|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\./.test(address)
  );
}

/**
 * Finds the addresses of hosts for which the config gives none. Candidates are the global addresses that no other host
 * has, so that neither VirtualBox's 10.0.2.15 nor a container bridge is taken for one. The private address is
 *
 * 1. the one at which coreup reaches the host, if it is of a private range;
 * 2. the only candidate of a private range; of several, the only one on the interface of the default route;
 * 3. without a candidate of a private range, the one at which coreup reaches the host, or else the only one.
 *
 * The public address is the one at which coreup reaches the host, if it is of no private range, or else the only such
 * candidate; without one it is the private address. Pure.
 *
 * @param hosts all of the cluster, also those whose addresses are known
 * @param wanted names of those to decide on
 */
export function chooseAddresses(
  hosts: readonly LookedAt[],
  wanted: readonly string[],
): { readonly found: ReadonlyMap<string, Addresses>; readonly refusals: readonly AddressRefusal[] } {
  const found = new Map<string, Addresses>();
  const refusals: AddressRefusal[] = [];
  for (const host of hosts.filter(({ name }) => wanted.includes(name))) {
    const others = hosts.filter((other) => other !== host);
    const chosen = oneMachine(host, hosts) ?? choose(host, others);
    if ('hint' in chosen) refusals.push({ member: host.name, ...chosen });
    else found.set(host.name, chosen);
  }
  return { found, refusals };
}

type Choice = Addresses | Omit<AddressRefusal, 'member'>;

function oneMachine(host: LookedAt, hosts: readonly LookedAt[]): Choice | undefined {
  // Containers on one machine share its boot, and have addresses of their own.
  const identity = ({ bootId, network }: LookedAt): string =>
    [bootId, ...network.addresses.map(({ address }) => address)].join(' ');
  const twin = hosts.find((other) => other !== host && other.bootId !== '' && identity(other) === identity(host));
  return (
    twin && {
      message: `is the same machine as ${twin.name} (boot ID ${host.bootId})`,
      hint: 'Give each member a machine of its own in provider.hosts.',
    }
  );
}

function choose(host: LookedAt, others: readonly LookedAt[]): Choice {
  const global = host.network.addresses.filter(({ scope }) => scope === 'global');
  const own = global.filter(({ address }) => havingIt(address, others).length === 0);
  const candidates = own.filter(({ address, secondary }) => !secondary || address === host.reached);
  if (candidates.length === 0) return noneLeft(global, others);
  const reached = candidates.find(({ address }) => address === host.reached);
  const inside = candidates.filter(({ address }) => isPrivateRange(address));
  const outside = candidates.filter(({ address }) => !isPrivateRange(address));
  const pick = (from: readonly HostAddress[]): HostAddress | undefined =>
    (reached && from.includes(reached) ? reached : undefined) ??
    onlyOne(from) ??
    onlyOne(from.filter((candidate) => candidate.interface === host.network.defaultInterface));
  const privateOne = pick(inside.length > 0 ? inside : outside);
  if (!privateOne) return severalLeft(inside.length > 0 ? inside : outside);
  return { privateIpv4: privateOne.address, publicIpv4: pick(outside)?.address ?? privateOne.address };
}

function onlyOne<T>(items: readonly T[]): T | undefined {
  return items.length === 1 ? items[0] : undefined;
}

function noneLeft(shared: readonly HostAddress[], others: readonly LookedAt[]): Choice {
  if (shared.length === 0) {
    return {
      message: 'has no IPv4 address that other hosts could reach',
      hint: "Give it one, and name it in config.ts where coreup does not find it: `private_ipv4: '…'`.",
    };
  }
  const where = shared.map((one) => `${describe(one)} is also on ${havingIt(one.address, others).join(', ')}`);
  return { message: `has no IPv4 address of its own: ${where.join('; ')}`, hint: SHARED_HINT };
}

const SHARED_HINT =
  'VirtualBox, for one, gives 10.0.2.15 to every machine behind its NAT. Give the machines a network in which they reach ' +
  "each other, and where coreup does not find their addresses there, name them in config.ts: `private_ipv4: '…'`.";

function severalLeft(candidates: readonly HostAddress[]): Choice {
  const [first] = candidates;
  return {
    message: `has several IPv4 addresses that it may be reached at: ${candidates.map(describe).join(', ')}`,
    hint: `Say which one the other members reach, in its entry of provider.hosts: \`private_ipv4: '${first?.address}'\`.`,
  };
}

/**
 * Whether the private addresses that members are given or were found to have are on their hosts, and on no other. Pure.
 *
 * @param hosts with `network` undefined where it could not be looked at
 */
export function misplaced(
  hosts: readonly { readonly name: string; readonly privateIpv4: string; readonly network: HostNetwork | undefined }[],
): readonly AddressRefusal[] {
  return hosts.flatMap(({ name, privateIpv4: address, network }): AddressRefusal[] => {
    if (!network) return [];
    if (!network.addresses.some((one) => one.address === address)) {
      const there = network.addresses.filter(({ scope }) => scope === 'global').map(describe);
      return [
        {
          member: name,
          message: `does not have its private address ${address}; it has ${there.join(', ') || 'no IPv4 address'}`,
          hint: "Peers talk to it there. Give the host that address, or correct `private_ipv4: '…'` in its entry of provider.hosts.",
        },
      ];
    }
    const twins = hosts.filter(
      (other) => other.name !== name && other.network?.addresses.some((one) => one.address === address),
    );
    if (twins.length === 0) return [];
    const message = `has a private address, ${address}, that is also on ${twins.map((twin) => twin.name).join(', ')}`;
    return [{ member: name, message, hint: SHARED_HINT }];
  });
}

function havingIt(address: string, hosts: readonly LookedAt[]): readonly string[] {
  return hosts
    .filter(({ network }) => network.addresses.some((one) => one.address === address))
    .map(({ name }) => name);
}

function describe({ address, interface: device }: HostAddress): string {
  return `${address} (${device})`;
}
