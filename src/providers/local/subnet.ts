import { InputError } from '../../util/errors.js';

/** An IPv4 network as numbers, so that all of this is arithmetic. */
export interface Subnet {
  /** Network address, unsigned 32 bits. */
  readonly base: number;
  readonly prefix: number;
}

export const defaultSubnet = '172.17.8.0/24';

/** Networks that nobody on the internet owns: RFC 1918 and, for carriers, RFC 6598. */
const privateRanges = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10'].map(readCidr) as Subnet[];

/**
 * Reads `a.b.c.d/n`.
 *
 * @throws InputError LOCAL_SUBNET if it is no IPv4 network, has host bits set, is smaller than /29 or isn't private
 */
export function parseSubnet(text: string): Subnet {
  const subnet = readCidr(text);
  if (subnet === undefined) {
    throw invalid(`subnet ${JSON.stringify(text)} is not an IPv4 network`, 'write it like 172.17.8.0/24');
  }
  if (subnet.prefix > 29) {
    throw invalid(`subnet ${text} is too small: a bridge and hosts need /29 or larger`, 'a /24 has room for 154 hosts');
  }
  const clean = { base: networkBase(subnet.base, subnet.prefix), prefix: subnet.prefix };
  if (clean.base !== subnet.base) {
    throw invalid(`subnet ${text} has host bits set`, `the network is ${formatSubnet(clean)}`);
  }
  if (!privateRanges.some((range) => range.prefix <= clean.prefix && overlaps(range, clean))) {
    throw invalid(
      `subnet ${text} is not private: its addresses belong to somebody on the internet`,
      'take one from 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or 100.64.0.0/10',
    );
  }
  return clean;
}

export function formatSubnet(subnet: Subnet): string {
  return `${formatAddress(subnet.base)}/${subnet.prefix}`;
}

/** How many hosts a subnet has room for, beside the bridge and the broadcast address. */
export function subnetCapacity(subnet: Subnet): number {
  return 2 ** (32 - subnet.prefix) - 2 - firstMember(subnet) + 1;
}

/**
 * Says why a subnet won't do for `count` hosts, or nothing when it will.
 *
 * @throws InputError as `parseSubnet` does
 */
export function checkSubnet(text: string, count: number): string | undefined {
  const room = subnetCapacity(parseSubnet(text));
  if (count <= room) return undefined;
  return `subnet ${text} has room for ${room} hosts and ${count} are asked for`;
}

/** The bridge's address, the first of the network: coreup's own end of the wire. */
export function bridgeAddress(text: string): string {
  return formatAddress(parseSubnet(text).base + 1);
}

/**
 * The address of member `index` (from 1): network + 100 + index as in coreos-vagrant, or network + 1 + index in networks
 * smaller than /24.
 *
 * @throws InputError LOCAL_SUBNET if the subnet is no good or has no such member
 */
export function memberAddress(text: string, index: number): string {
  const subnet = parseSubnet(text);
  if (!Number.isInteger(index) || index < 1 || index > subnetCapacity(subnet)) {
    throw invalid(`subnet ${text} has no address for member ${index}`, 'take a larger subnet or fewer instances');
  }
  return formatAddress(subnet.base + firstMember(subnet) + index - 1);
}

/** Whether two networks share an address. */
export function overlaps(a: Subnet, b: Subnet): boolean {
  const prefix = Math.min(a.prefix, b.prefix);
  return networkBase(a.base, prefix) === networkBase(b.base, prefix);
}

/** The first /24 out of a fixed list that overlaps none of `taken`: a concrete answer to "which one, then?". */
export function freeSubnet(taken: readonly Subnet[]): string | undefined {
  const candidates = [
    ...range(8, 255).map((third) => `172.17.${third}.0/24`),
    ...range(18, 31).map((second) => `172.${second}.8.0/24`),
    ...range(1, 254).map((third) => `10.117.${third}.0/24`),
    ...range(1, 254).map((third) => `192.168.${third}.0/24`),
  ];
  return candidates.find((text) => {
    const candidate = readCidr(text);
    return candidate !== undefined && !taken.some((subnet) => overlaps(candidate, subnet));
  });
}

/** Dotted quad to number; undefined for anything else, leading zeros included. */
export function parseAddress(text: string): number | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  let address = 0;
  for (const part of match.slice(1)) {
    if (Number(part) > 255 || (part.length > 1 && part.startsWith('0'))) return undefined;
    address = address * 256 + Number(part);
  }
  return address;
}

export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}

/** The address with all but its first `prefix` bits cleared. */
export function networkBase(address: number, prefix: number): number {
  return prefix === 0 ? 0 : (address & (0xffffffff << (32 - prefix))) >>> 0;
}

function firstMember(subnet: Subnet): number {
  return subnet.prefix <= 24 ? 101 : 2;
}

function readCidr(text: string): Subnet | undefined {
  const match = /^([\d.]+)\/(\d|[12]\d|3[0-2])$/.exec(text);
  const base = parseAddress(match?.[1] ?? '');
  return base === undefined ? undefined : { base, prefix: Number(match?.[2]) };
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, offset) => from + offset);
}

function invalid(message: string, hint: string): InputError {
  return new InputError(message, { code: 'LOCAL_SUBNET', hint });
}
