import type { ResolvedConfig } from '../config/resolve.js';
import type { SshClientConfig } from '../ssh/client-config.js';
import type { Destination } from '../ssh/destinations.js';

type SshProviderConfig = Extract<ResolvedConfig['provider'], { kind: 'ssh' }>;
type LoginConfig = Pick<
  SshProviderConfig['hosts'][number],
  'address' | 'user' | 'port' | 'identity_file' | 'host_key' | 'jump'
>;

/** A host of config.ts as one that can be reached. */
export function destinationOf({
  address,
  user,
  port,
  identity_file: identityFile,
  host_key: hostKey,
  jump,
}: LoginConfig): Destination {
  return { address, user, port, identityFile, hostKey, jump: jump?.map(destinationOf) };
}

/** The ssh configuration that config.ts says to ask about hosts. */
export async function clientConfigOf({ ssh: { config_file: file } }: ResolvedConfig): Promise<SshClientConfig> {
  const { SshClientConfig } = await import('../ssh/client-config.js');
  return new SshClientConfig(file === undefined ? {} : { file });
}
