import { isIP } from 'node:net';

/** What decides on a host how names are resolved. */
export interface ResolverFiles {
  /** Text of /etc/resolv.conf; undefined where there is none. */
  readonly resolvConf: string | undefined;
  /** Text of /etc/hosts. */
  readonly hosts: string | undefined;
}

/** resolv.conf(5): no more than three name servers are asked. */
const MOST_NAMESERVERS = 3;
/** Asked where resolv.conf names nobody: the host itself (resolv.conf(5)). */
const DEFAULT_NAMESERVER = '127.0.0.1';

/** The name servers of a resolv.conf, in the order in which they are asked. */
export function nameserversOf(resolvConf: string | undefined): readonly string[] {
  const given = [...(resolvConf ?? '').matchAll(/^[ \t]*nameserver[ \t]+(\S+)/gm)]
    .map(([, address = '']) => address)
    .filter((address) => isIP(address) !== 0);
  return given.length === 0 ? [DEFAULT_NAMESERVER] : given.slice(0, MOST_NAMESERVERS);
}

/** The IPv4 addresses that a hosts file has, by lower-case name; it is read before DNS is asked. */
export function hostsEntries(hosts: string | undefined): ReadonlyMap<string, readonly string[]> {
  const entries = new Map<string, string[]>();
  for (const line of (hosts ?? '').split('\n')) {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (isIP(address) !== 4) continue;
    for (const name of names) {
      const key = name.replace(/\.$/, '').toLowerCase();
      entries.set(key, [...(entries.get(key) ?? []), address]);
    }
  }
  return entries;
}
