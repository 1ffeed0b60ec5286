import { isIP } from 'node:net';
import type { ResolvedConfig } from '../config/resolve.js';
import { bridgeAddress } from '../providers/local/subnet.js';
import type { SshTarget } from '../ssh/port.js';

/** The name server that config.ts gives the members, by name or by who serves the records; undefined for none. */
export function managedNameserver({ discovery, provider }: ResolvedConfig): string | undefined {
  if (discovery.mode !== 'dns') return undefined;
  const { nameserver, managed } = discovery;
  if (nameserver !== undefined) return nameserver;
  if (managed === true && provider.kind === 'local') return bridgeAddress(provider.subnet);
  return typeof managed === 'object' && isIP(managed.address) !== 0 ? managed.address : undefined;
}

/** The host whose dnsmasq coreup tells the records, where config.ts names one. */
export function nameServerTarget({ discovery }: ResolvedConfig): SshTarget | undefined {
  if (discovery.mode !== 'dns' || typeof discovery.managed !== 'object') return undefined;
  const { address, user, port, identity_file: identityFile, host_key: hostKey } = discovery.managed;
  return {
    name: 'the name server',
    address,
    user,
    port,
    ...(identityFile === undefined ? {} : { identityFile }),
    ...(hostKey === undefined ? {} : { hostKey }),
  };
}
