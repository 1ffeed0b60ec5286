import { isIPv4 } from 'node:net';
import { resolve } from 'node:path';
import type { Cluster, Member } from '../cluster/types.js';
import type { SshTarget } from '../ssh/port.js';
import { CoreupError } from '../util/errors.js';
import type { HostStatus, Problem, Provider } from './port.js';

/** One machine as `provider.hosts` describes it. */
export interface SshHost {
  readonly address: string;
  readonly user: string;
  readonly port: number;
  readonly identityFile?: string;
  readonly hostKey?: string;
}

/** Machines that exist. coreup neither makes nor removes them. */
export class SshProvider implements Provider {
  readonly kind = 'ssh';

  /** @param hosts in the order of the members */
  constructor(
    private readonly hosts: readonly SshHost[],
    private readonly directory: string,
  ) {}

  check(): Promise<readonly Problem[]> {
    return Promise.resolve([]);
  }

  /** Nothing to make: whether a machine answers shows when it is logged in to. */
  ensure(): Promise<readonly string[]> {
    return Promise.resolve([]);
  }

  status(cluster: Cluster): Promise<ReadonlyMap<string, HostStatus>> {
    return Promise.resolve(new Map(cluster.members.map((member) => [member.name, 'running'])));
  }

  target(member: Member): SshTarget {
    const host = this.hosts[member.index - 1];
    if (!host) throw new RangeError(`no host for member ${member.name}`);
    return {
      name: member.name,
      address: host.address,
      port: host.port,
      user: host.user,
      ...(host.identityFile === undefined ? {} : { identityFile: resolve(this.directory, host.identityFile) }),
      ...(host.hostKey === undefined ? {} : { hostKey: host.hostKey }),
    };
  }

  knownHosts(): Promise<readonly string[]> {
    return Promise.resolve([]);
  }

  stop(members: readonly Member[]): Promise<void> {
    return this.refuse('stop', namesOf(members), 'sudo systemctl poweroff');
  }

  reboot(members: readonly Member[]): Promise<void> {
    return this.refuse('restart', namesOf(members), 'sudo systemctl reboot');
  }

  remove(names: readonly string[]): Promise<void> {
    return this.refuse('remove', names, 'sudo systemctl disable --now etcd2');
  }

  assertReachable(): Promise<void> {
    return Promise.resolve();
  }

  existing(): Promise<readonly string[]> {
    return Promise.resolve([]);
  }

  private refuse(verb: string, names: readonly string[], command: string): Promise<void> {
    return Promise.reject(
      new CoreupError(`coreup does not ${verb} machines that it did not make (${names.join(', ')})`, {
        code: 'SSH_PROVIDER_HOST',
        hint: `If that is what you want: \`coreup exec -- ${command}\`.`,
      }),
    );
  }
}

function namesOf(members: readonly Member[]): readonly string[] {
  return members.map((member) => member.name);
}

/**
 * What `$public_ipv4` and `$private_ipv4` stand for on a host: what config.ts says, otherwise each other, otherwise the
 * address it is reached at.
 *
 * @returns undefined if none of them is an IPv4 address
 */
export function addressesOf(host: {
  readonly address: string;
  readonly public_ipv4?: string | undefined;
  readonly private_ipv4?: string | undefined;
}): { readonly publicIpv4: string; readonly privateIpv4: string } | undefined {
  const reached = isIPv4(host.address) ? host.address : undefined;
  const privateIpv4 = host.private_ipv4 ?? reached ?? host.public_ipv4;
  const publicIpv4 = host.public_ipv4 ?? reached ?? host.private_ipv4;
  return privateIpv4 === undefined || publicIpv4 === undefined ? undefined : { publicIpv4, privateIpv4 };
}
