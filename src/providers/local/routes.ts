import { readFileSync } from 'node:fs';
import { formatSubnet, networkBase, overlaps, parseAddress, type Subnet } from './subnet.js';

/** One IPv4 route of the kernel's main table. */
export interface Route extends Subnet {
  readonly device: string;
  /** Next hop; 0 where the destination is on the wire itself. */
  readonly gateway: number;
  readonly metric: number;
}

/** What the kernel says about IPv4 in this network namespace. */
export interface Routes {
  readonly routes: readonly Route[];
  /** Addresses of this machine itself. */
  readonly local: readonly number[];
  /** There are more tables than the standard ones, so rules decide and the main table alone proves nothing. */
  readonly policy: boolean;
}

/**
 * Reads the tables of the network namespace that this process is in. From /proc/net and not from /sys, which goes on
 * showing the namespace in which it was mounted.
 */
export function readRoutes(): Routes {
  const trie = readFileSync('/proc/net/fib_trie', 'utf8');
  return {
    routes: parseRoutes(readFileSync('/proc/net/route', 'utf8')),
    local: parseLocalAddresses(trie),
    policy: /^Id \d+:/m.test(trie),
  };
}

/** Reads /proc/net/route: hexadecimal numbers in the byte order of the machine, which is little-endian here. */
export function parseRoutes(text: string): Route[] {
  const routes: Route[] = [];
  for (const line of text.split('\n').slice(1)) {
    const [device, destination, gateway, flags, , , metric, mask] = line.trim().split(/\s+/);
    if (device === undefined || destination === undefined || gateway === undefined || mask === undefined) continue;
    // 1 is RTF_UP, 0x200 RTF_REJECT: an unreachable route leads nowhere.
    const bits = parseInt(flags ?? '0', 16);
    if ((bits & 1) === 0) continue;
    routes.push({
      device: (bits & 0x200) === 0 ? device : '*',
      base: fromHex(destination),
      gateway: fromHex(gateway),
      metric: Number(metric),
      prefix: popCount(fromHex(mask)),
    });
  }
  return routes;
}

/** Reads the addresses that are local to the machine out of /proc/net/fib_trie. */
export function parseLocalAddresses(text: string): number[] {
  const addresses = new Set<number>();
  for (const [, quad = ''] of text.matchAll(/\|-- (\S+)\n\s+\/32 host LOCAL/g)) {
    const address = parseAddress(quad);
    if (address !== undefined) addresses.add(address);
  }
  return [...addresses];
}

/** The route that the main table gives for an address: longest prefix first, then the lowest metric. */
export function routeOf(routes: readonly Route[], address: number): Route | undefined {
  return routes
    .filter((route) => networkBase(address, route.prefix) === route.base)
    .sort((a, b) => b.prefix - a.prefix || a.metric - b.metric)[0];
}

/** Whether the bridge has its route to the subnet: it exists, is up and has its address. */
export function hasBridgeRoute(routes: readonly Route[], bridge: string, subnet: Subnet): boolean {
  return routes.some(
    (route) =>
      route.device === bridge && route.base === subnet.base && route.prefix === subnet.prefix && !route.gateway,
  );
}

/**
 * What on this machine already uses addresses of a subnet, in words, or nothing.
 *
 * Routes with a prefix below 8 are default routes in disguise (some VPNs split 0.0.0.0/0 in two) and take nothing away.
 */
export function subnetUser(state: Routes, subnet: Subnet, ownBridge: string): string | undefined {
  const route = state.routes.find(
    (entry) => entry.prefix >= 8 && entry.device !== ownBridge && overlaps(entry, subnet),
  );
  if (route !== undefined) return `a route of this machine to ${formatSubnet(route)} (interface ${route.device})`;
  const own = hasBridgeRoute(state.routes, ownBridge, subnet) ? subnet.base + 1 : undefined;
  const address = state.local.find((entry) => entry !== own && overlaps({ base: entry, prefix: 32 }, subnet));
  return address === undefined ? undefined : `the machine's own address ${formatSubnet({ base: address, prefix: 32 })}`;
}

/** Everything that is taken, for choosing a subnet that is not. */
export function takenSubnets(state: Routes): Subnet[] {
  const addresses = state.local.map((base) => ({ base, prefix: 32 }));
  return [...state.routes.filter((route) => route.prefix >= 8), ...addresses];
}

function fromHex(text: string): number {
  const bytes = text.match(/../g) ?? [];
  return bytes.reduceRight((value, byte) => value * 256 + parseInt(byte, 16), 0);
}

function popCount(value: number): number {
  return value.toString(2).replaceAll('0', '').length;
}
