import { InputError } from '../util/errors.js';
import type { SshClientConfig } from './client-config.js';
import type { ClientConfig } from './client-config-parse.js';
import type { SshTarget } from './port.js';

/** A host as config.ts gives it; what is absent is as the user's ssh configuration has it. */
export interface Destination {
  /** An address, or a name that the ssh configuration knows. */
  readonly address: string;
  readonly user?: string | undefined;
  readonly port?: number | undefined;
  /** Absolute path. */
  readonly identityFile?: string | undefined;
  readonly hostKey?: string | undefined;
  /** The hosts to go through, the first one dialled; empty for none, whatever the ssh configuration says. */
  readonly jump?: readonly Destination[] | undefined;
}

/** Jump hosts in a row after which it must be a circle. */
const MOST_JUMPS = 8;

/**
 * Works out how to reach a host: what config.ts says goes before what the ssh configuration says.
 *
 * @param name of the host, for messages
 * @throws InputError SSH_CONFIG, SSH_PROXY_COMMAND or SSH_JUMP_LOOP
 */
export async function targetOf(name: string, given: Destination, config: SshClientConfig): Promise<SshTarget> {
  const said = await config.of(given.address, given);
  const jump = await viaOf(name, given, said, config, 0);
  return target(name, given, said, jump);
}

async function viaOf(
  name: string,
  given: Destination,
  said: ClientConfig,
  config: SshClientConfig,
  depth: number,
): Promise<SshTarget | undefined> {
  if (given.jump === undefined && said.proxyCommand !== undefined) throw proxyCommand(name, said.proxyCommand);
  const way = given.jump ?? said.jumps;
  if (depth + way.length > MOST_JUMPS) throw loop(name, way);
  let reached: SshTarget | undefined;
  for (const [position, stop] of way.entries()) {
    const saidOfStop = await config.of(stop.address, stop);
    // As with ssh, only the first one is dialled in its own way; the others are reached through the one before.
    reached ??= position === 0 ? await viaOf(stop.address, stop, saidOfStop, config, depth + way.length) : undefined;
    reached = target(`the jump host ${stop.address}`, stop, saidOfStop, reached);
  }
  return reached;
}

function target(name: string, given: Destination, said: ClientConfig, jump: SshTarget | undefined): SshTarget {
  const { alias, revoked, agent, caAlgorithms, leastRsa, family, bindAddress, hostKeyAlgorithms } = said;
  const dial = { ...(family && { family }), ...(bindAddress !== undefined && { from: bindAddress }) };
  const algorithms = { ...said.algorithms, ...(hostKeyAlgorithms && { hostKey: hostKeyAlgorithms }) };
  return {
    name,
    address: said.address,
    port: given.port ?? said.port,
    user: given.user ?? said.user,
    ...(given.identityFile === undefined ? {} : { identityFile: given.identityFile }),
    identities: {
      files: said.identityFiles,
      only: said.identitiesOnly,
      ...(agent === undefined ? {} : { agent }),
    },
    ...(given.hostKey === undefined ? {} : { hostKey: given.hostKey }),
    trust: {
      files: said.knownHostsFiles,
      ...(alias === undefined ? {} : { alias }),
      ...(revoked === undefined ? {} : { revoked }),
      ...(caAlgorithms === undefined ? {} : { algorithms: caAlgorithms }),
      ...(leastRsa === undefined ? {} : { leastRsa }),
    },
    ...(Object.keys(dial).length === 0 ? {} : { dial }),
    ...(Object.keys(algorithms).length === 0 ? {} : { algorithms }),
    ...(jump === undefined ? {} : { jump }),
  };
}

function proxyCommand(name: string, command: string): InputError {
  return new InputError(`${name} is reached by ProxyCommand in your ssh configuration (${command}); coreup runs none`, {
    code: 'SSH_PROXY_COMMAND',
    hint: 'Use ProxyJump there, which does the same as `ssh -W`; or give jump in config.ts, `jump: []` for none.',
  });
}

function loop(name: string, way: readonly Destination[]): InputError {
  const hosts = way.map(({ address }) => address).join(', ');
  return new InputError(`${name} is behind more than ${MOST_JUMPS} jump hosts (${hosts}, …): is that a circle?`, {
    code: 'SSH_JUMP_LOOP',
    hint: 'Exempt the jump host from the pattern that names it: `Host bastion` with `ProxyJump none`, before that.',
  });
}
