import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { CoreupError, messageOf } from '../../util/errors.js';
import { run } from './command.js';

import { hasBridgeRoute, readRoutes, routeOf, type Routes } from './routes.js';
import { bridgeAddress, parseAddress, parseSubnet } from './subnet.js';

/** A name for an interface, at most 15 characters, that is the same for the same directory and for no other. */
export function shortName(prefix: string, directory: string): string {
  return `${prefix}${createHash('sha256').update(directory).digest('hex').slice(0, 8)}`;
}

/** The number that stands for the network namespace of a process (default: this one) while it exists. */
export function namespaceId(pid: number | 'self' = 'self'): number {
  return statSync(`/proc/${pid}/ns/net`).ino;
}

/** Whether an interface of this name is in our network namespace. */
export function interfaceExists(name: string): boolean {
  const lines = readFileSync('/proc/net/dev', 'utf8').split('\n');
  return lines.some((line) => line.trimStart().startsWith(`${name}:`));
}

/** Whether the bridge stands with its address and route. Reads /proc only. */
export function bridgeIsUp(bridge: string, subnet: string): boolean {
  return hasBridgeRoute(readRoutes().routes, bridge, parseSubnet(subnet));
}

/**
 * Makes the bridge with its address in our network namespace, or completes one that was half made.
 *
 * @param ports interfaces that are to be on it, as far as they exist
 * @throws CoreupError LOCAL_NETWORK if the kernel refuses
 */
export async function ensureBridge(bridge: string, subnet: string, ports: readonly string[]): Promise<void> {
  if (bridgeIsUp(bridge, subnet)) return;
  const { base, prefix } = parseSubnet(subnet);
  // An address of its own: otherwise the bridge takes the lowest of its ports', and hosts lose it from their ARP tables.
  const mac = `02:c0${(base + 1).toString(16).padStart(8, '0').replaceAll(/../g, ':$&')}`;
  const lines = [
    ...(interfaceExists(bridge) ? [] : [`link add name ${bridge} address ${mac} type bridge stp_state 0`]),
    `address replace ${bridgeAddress(subnet)}/${prefix} dev ${bridge}`,
    `link set dev ${bridge} up`,
    // Hosts that run while somebody deletes their bridge are left with the ends of their cables in the air.
    ...ports.filter(interfaceExists).map((port) => `link set dev ${port} master ${bridge} up`),
  ];
  const result = await run('ip', ['-batch', '-'], lines.join('\n'));
  if (!bridgeIsUp(bridge, subnet)) {
    throw new CoreupError(`the bridge ${bridge} for ${subnet} could not be made: ${firstLine(result.stderr)}`, {
      code: 'LOCAL_NETWORK',
      hint: 'coreup doctor tells what is in the way',
      cause: result,
    });
  }
}

/**
 * Takes away an interface; none of that name is fine.
 *
 * @param namespaceOf a process in whose network namespace it is, where that isn't ours
 */
export async function removeInterface(name: string, namespaceOf?: number): Promise<void> {
  if (namespaceOf !== undefined) {
    await run('nsenter', [`--net=/proc/${namespaceOf}/ns/net`, 'ip', 'link', 'delete', name]);
    return;
  }
  if (!interfaceExists(name)) return;
  const result = await run('ip', ['link', 'delete', name]);
  if (interfaceExists(name)) {
    throw new CoreupError(`the interface ${name} could not be removed: ${firstLine(result.stderr)}`, {
      code: 'LOCAL_NETWORK',
      hint: `ip link delete ${name}`,
    });
  }
}

/**
 * Makes sure that what is sent to an address goes over our bridge. If the bridge is gone, the address belongs to
 * somebody else's machine, and nothing may be sent there.
 *
 * @param state the kernel's routes, where they have just been read
 * @throws CoreupError LOCAL_FOREIGN_ROUTE otherwise
 */
export async function assertOwnRoute(address: string, bridge: string, state = readRoutes()): Promise<void> {
  const device = await routeDevice(address, state);
  if (device === bridge) return;
  throw new CoreupError(
    `${address} is not reached over this cluster's bridge ${bridge} but ${device === undefined ? 'not at all' : `over ${device}`}`,
    { code: 'LOCAL_FOREIGN_ROUTE', hint: 'run coreup up in the network namespace in which the cluster was made' },
  );
}

/** The interface that packets to an address leave by. Asks `ip route get` only where the machine has routing rules. */
async function routeDevice(address: string, state: Routes): Promise<string | undefined> {
  const number = parseAddress(address);
  if (number === undefined || state.local.includes(number)) return undefined;
  if (!state.policy) {
    const route = routeOf(state.routes, number);
    return route?.gateway === 0 ? route.device : undefined;
  }
  return deviceOf((await run('ip', ['-j', 'route', 'get', address])).stdout);
}

/** Reads the answer of `ip -j route get`: a list with one route; `gateway` is there where a router is asked. */
export function deviceOf(json: string): string | undefined {
  try {
    const [route] = JSON.parse(json) as { dev?: string; gateway?: string; type?: string }[];
    return route?.gateway === undefined && route?.type !== 'local' ? route?.dev : undefined;
  } catch (error) {
    throw new CoreupError(`ip route get gave no answer: ${messageOf(error)}`, { code: 'LOCAL_NETWORK', cause: error });
  }
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0] ?? '';
}
