import { isIPv4 } from 'node:net';
import { isPrivateRange, type Addresses } from '../cluster/addresses.js';
import type { Cluster, Member } from '../cluster/types.js';
import type { SshClientConfig } from '../ssh/client-config.js';
import { targetOf, type Destination } from '../ssh/destinations.js';
import { filedAs } from '../ssh/host-trust.js';
import type { Pin } from '../ssh/known-hosts-file.js';
import { parsePublicKey } from '../ssh/known-hosts.js';
import type { SshTarget } from '../ssh/port.js';
import { CoreupError, InputError } from '../util/errors.js';
import type { HostStatus, Problem, Progress, Provider } from './port.js';

/** Machines that exist. coreup neither makes nor removes them. */
export class SshProvider implements Provider {
  readonly kind = 'ssh';
  readonly #targets = new Map<number, Promise<SshTarget>>();

  /** @param hosts in the order of the members */
  constructor(
    private readonly hosts: readonly Destination[],
    private readonly config: SshClientConfig,
  ) {}

  /** Finds what is wrong with the ssh configuration of any host. */
  async check(cluster: Cluster): Promise<readonly Problem[]> {
    const results = await Promise.allSettled(cluster.members.map((member) => this.target(member)));
    const reasons = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
    const problems = reasons.map((reason) => {
      if (!(reason instanceof InputError)) throw reason as Error;
      return [reason.message, reason.hint ?? ''] as const;
    });
    return [...new Map(problems)].map(([message, remedy]) => ({ message, remedy, blame: 'input' }));
  }

  /** Nothing to make: whether a machine answers shows when it is logged in to. */
  async ensure(cluster: Cluster, progress: Progress): Promise<readonly string[]> {
    const unused = new Map<string, string[]>();
    for (const member of cluster.members) {
      const { ignored } = await this.config.of(this.address(member), this.host(member));
      for (const setting of ignored) unused.set(setting, [...(unused.get(setting) ?? []), member.name]);
    }
    for (const [setting, members] of unused) {
      const text = `${setting} in your ssh configuration is not used`;
      progress(members.length === cluster.members.length ? text : `${text} (${members.join(', ')})`);
    }
    if (this.config.clientIsMissing) {
      progress('There is no ssh client on this machine, so that ~/.ssh/config is not read: config.ts alone counts.');
    }
    return [];
  }

  status(cluster: Cluster): Promise<ReadonlyMap<string, HostStatus>> {
    return Promise.resolve(new Map(cluster.members.map((member) => [member.name, 'running'])));
  }

  address(member: Member): string {
    return this.host(member).address;
  }

  /** @throws InputError where the ssh configuration cannot be used */
  target(member: Member): Promise<SshTarget> {
    const known = this.#targets.get(member.index);
    if (known !== undefined) return known;
    const target = targetOf(member.name, this.host(member), this.config);
    this.#targets.set(member.index, target);
    return target;
  }

  /** The keys that config.ts gives, so that ssh finds them, too. */
  async knownHosts(cluster: Cluster): Promise<readonly Pin[]> {
    const targets = await Promise.all(cluster.members.map((member) => this.target(member)));
    return targets.flatMap(pinsOf);
  }

  private host(member: Member): Destination {
    const host = this.hosts[member.index - 1];
    if (!host) throw new RangeError(`no host for member ${member.name}`);
    return host;
  }

  stop(members: readonly Member[]): Promise<void> {
    return this.refuse('stop', namesOf(members), 'sudo systemctl poweroff');
  }

  cutPower(members: readonly Member[]): Promise<void> {
    return this.refuse('cut the power of', namesOf(members), 'sudo systemctl reboot --force --force');
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

function pinsOf(target: SshTarget): readonly Pin[] {
  const key = target.hostKey === undefined ? undefined : parsePublicKey(target.hostKey);
  const own = key === undefined ? [] : [{ ...filedAs(target), key }];
  return target.jump === undefined ? own : [...own, ...pinsOf(target.jump)];
}

function namesOf(members: readonly Member[]): readonly string[] {
  return members.map((member) => member.name);
}

/** A host of config.ts, as far as its addresses go. */
interface Addressed {
  readonly address: string;
  readonly port?: number | undefined;
  readonly public_ipv4?: string | undefined;
  readonly private_ipv4?: string | undefined;
}

/**
 * What `$public_ipv4` and `$private_ipv4` stand for on a host, by config.ts alone: what it says, otherwise each other,
 * otherwise the address it is reached at. One that is not of a private range may belong to a router before the host, so
 * that it does not stand for the private one.
 *
 * @returns undefined where the private address must be looked for on the host
 */
export function addressesOf(host: Addressed): Addresses | undefined {
  const reached = isIPv4(host.address) ? host.address : undefined;
  const privateIpv4 = host.private_ipv4 ?? (isPrivateRange(host.address) ? host.address : undefined);
  return privateIpv4 === undefined
    ? undefined
    : { privateIpv4, publicIpv4: host.public_ipv4 ?? reached ?? privateIpv4 };
}

/** How config.ts reaches a host: what was found there counts for as long as this stays. */
export function givenAs({ address, port }: Addressed): string {
  return port === undefined ? address : `${address} port ${port}`;
}

/** What was found on a host, and what config.ts says of it all the same. */
export function withGiven(found: Addresses, { address, public_ipv4: given }: Addressed): Addresses {
  const reached = isIPv4(address) && !address.startsWith('127.') ? address : undefined;
  return { ...found, publicIpv4: given ?? reached ?? found.publicIpv4 };
}
