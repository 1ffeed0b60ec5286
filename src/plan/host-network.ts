import type { HostAddress, HostNetwork } from '../cluster/addresses.js';

/** Shell commands that print what `parseNetwork` reads: two JSON documents of iproute2, each on lines of its own. */
export const NETWORK_COMMANDS = [
  'ip -j -4 addr 2>/dev/null',
  'echo',
  "printf '\\035'",
  'ip -j -4 route show default 2>/dev/null',
];

/**
 * @param output what the commands printed
 * @returns undefined where the host has no `ip` that prints JSON (iproute2 before 4.14)
 */
export function parseNetwork(output: string): HostNetwork | undefined {
  const [addresses = '', routes = ''] = output.split('\x1d');
  const links = parse(addresses) as Link[] | undefined;
  if (!links) return undefined;
  // Without a metric the kernel takes a route for the best one.
  const [best] = ((parse(routes) ?? []) as Route[]).sort((a, b) => (a.metric ?? 0) - (b.metric ?? 0));
  return {
    addresses: links
      .filter(({ flags }) => flags?.includes('UP'))
      .flatMap(({ ifname = '', addr_info: infos = [] }) =>
        infos.flatMap((info): HostAddress[] =>
          info.local === undefined
            ? []
            : [{ address: info.local, interface: ifname, scope: info.scope ?? '', secondary: info.secondary === true }],
        ),
      ),
    defaultInterface: best?.dev,
  };
}

/** Of ip-address(8) with -json; where nothing is to be shown of a link, older versions print an empty object for it. */
interface Link {
  readonly ifname?: string;
  readonly flags?: readonly string[];
  readonly addr_info?: readonly { readonly local?: string; readonly scope?: string; readonly secondary?: boolean }[];
}

/** Of ip-route(8) with -json. */
interface Route {
  readonly dev?: string;
  readonly metric?: number;
}

function parse(text: string): unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
