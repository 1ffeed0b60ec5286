import { existsSync, readFileSync } from 'node:fs';
import { readdir, rename, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cluster, Member } from '../../cluster/types.js';
import type { Pin } from '../../ssh/known-hosts-file.js';
import { parsePublicKey } from '../../ssh/known-hosts.js';
import type { SshTarget } from '../../ssh/port.js';
import { CoreupError, InterruptedError } from '../../util/errors.js';
import type { HostStatus, Problem, Progress, Provider } from '../port.js';
import { destroyCgroup, killCgroup, removeCgroup, removeOneCgroup } from './cgroup.js';
import { clusterProblems } from './cluster-check.js';
import { ensureImage, imagePath } from './image.js';
import { authorize, createHost } from './layer.js';
import { bootCount, initProcess, isRunning, outerProcess, rebootHost, startHost, stopHost } from './launch.js';
import { assertOwnRoute, bridgeIsUp, ensureBridge, interfaceExists, namespaceId, removeInterface } from './network.js';
import { cacheRoot, dataRoot } from './paths.js';
import {
  ensureNameServer,
  nameServerPlace,
  nameServerProblems,
  stopNameServer,
  type NameServerPlace,
} from './name-server.js';
import { machineProblems } from './preflight.js';
import type { ImageChoice } from './recipe.js';
import { readRoutes } from './routes.js';
import { Store, type ClusterRecord, type HostPaths, type HostRecord } from './store.js';
import { bridgeAddress, defaultSubnet, memberAddress } from './subnet.js';
import { until } from './wait.js';

export interface LocalOptions {
  /** The cluster's name; unique on the machine. */
  readonly cluster: string;
  /** Absolute path of the project directory, which owns the cluster. */
  readonly project: string;
  /** What the hosts run; bookworm by default. */
  readonly image?: ImageChoice;
  readonly subnet?: string;
  /** The public key that may log in, as one authorized_keys line. */
  readonly authorizedKey: string;
  /** The file of its private half. */
  readonly identityFile: string;
  /** Options for dnsmasq.conf that serve the records of the cluster, where hosts are to find them on the bridge. */
  readonly nameServer?: () => string;
  /** Instead of /var/lib/coreup or `COREUP_DATA_DIR`. */
  readonly dataDir?: string;
  /** Instead of /var/cache/coreup or `COREUP_CACHE_DIR`. */
  readonly cacheDir?: string;
}

/** How many hosts are made or started at once: more only makes each of them slower. */
const parallel = 4;

/**
 * Boots real systemd hosts on this machine with systemd-nspawn. What exists and runs is read from the disk and from the
 * kernel every time, never remembered: a coreup that was killed at any moment is simply run again.
 */
export class LocalProvider implements Provider {
  readonly kind = 'local';
  private readonly store: Store;
  private readonly image: ImageChoice;
  private readonly subnet: string;
  private readonly cacheDir: string;
  private readonly dataDir: string;

  constructor(private readonly options: LocalOptions) {
    this.dataDir = options.dataDir ?? dataRoot();
    this.cacheDir = options.cacheDir ?? cacheRoot();
    this.store = new Store(options.cluster, this.dataDir);
    this.image = options.image ?? { suite: 'bookworm' };
    this.subnet = options.subnet ?? defaultSubnet;
  }

  /** Reads files of the kernel and starts no process: it is asked at every `up`. */
  check(cluster: Cluster): Promise<readonly Problem[]> {
    const wrong = clusterProblems(this.store, cluster, { project: this.options.project, subnet: this.subnet });
    const absent = cluster.members.filter((member) => !existsSync(this.store.host(member.name).record)).length;
    const image = absent > 0 && !existsSync(imagePath(this.image, this.cacheDir));
    const dns = this.options.nameServer !== undefined;
    const running = cluster.members.every((member) => this.isUp(member)) ? 0 : cluster.members.length;
    const needs = { image, hosts: absent, running, dns, cacheDir: this.cacheDir, dataDir: this.dataDir };
    const unfit = machineProblems(needs);
    const taken = dns && wrong.length + unfit.length === 0 ? nameServerProblems(this.nameServer()) : [];
    return Promise.resolve([...wrong, ...unfit, ...taken]);
  }

  /**
   * @throws CoreupError LOCAL_OTHER_NAMESPACE if the hosts run in a network namespace that is not ours
   * @throws CoreupError LOCAL_FOREIGN_ROUTE if an address is not reached over the cluster's bridge
   */
  async ensure(cluster: Cluster, progress: Progress, signal?: AbortSignal): Promise<readonly string[]> {
    this.store.assertOwner(this.options.project);
    this.assertNamespace();
    const idle = cluster.members.filter((member) => !this.isUp(member));
    if (idle.length > 0 || !bridgeIsUp(this.store.bridge, this.subnet)) {
      if (idle.some((member) => this.needsImage(member.name))) {
        await ensureImage(this.image, progress, signal, { cacheDir: this.cacheDir });
      }
      await this.store.claim(this.record());
      await this.removeLeftovers();
    }
    await this.ensureNetwork();
    await this.authorizeAll(cluster.members);
    await eachOf(idle, async (member) => {
      if (signal?.aborted === true) throw new InterruptedError();
      await this.bringUp(member, progress);
    });
    await this.assertReachable(cluster.members);
    return idle.map((member) => member.name);
  }

  async assertReachable(members: readonly Member[]): Promise<void> {
    const routes = readRoutes();
    for (const member of members) await assertOwnRoute(this.address(member), this.store.bridge, routes);
  }

  status(cluster: Cluster): Promise<ReadonlyMap<string, HostStatus>> {
    return Promise.resolve(new Map(cluster.members.map((member) => [member.name, this.statusOf(member.name)])));
  }

  target(member: Member): SshTarget {
    return {
      name: member.name,
      address: this.address(member),
      port: 22,
      user: 'core',
      identityFile: this.options.identityFile,
    };
  }

  knownHosts(cluster: Cluster): Promise<readonly Pin[]> {
    const pins = cluster.members.flatMap((member) => {
      const record = this.store.hostRecord(member.name);
      const key = record && parsePublicKey(record.publicKey);
      return record && key ? [{ address: record.address, port: 22, key }] : [];
    });
    return Promise.resolve(pins);
  }

  /** Names of the hosts of this cluster that are on this machine, those that the config no longer has included. */
  existing(): Promise<string[]> {
    return Promise.resolve(this.store.names());
  }

  async stop(members: readonly Member[], progress: Progress): Promise<void> {
    this.store.assertOwner(this.options.project);
    await eachOf(members, async ({ name }) => {
      const host = this.store.host(name);
      if (!isRunning(host)) return;
      progress('shutting down', name);
      if (!(await stopHost(host))) progress('did not shut down in time: power cut', name);
      removeCgroup(host.cgroup);
    });
    if (!this.store.names().some((name) => isRunning(this.store.host(name)))) await stopNameServer(this.nameServer());
  }

  async cutPower(members: readonly Member[], progress: Progress): Promise<void> {
    this.store.assertOwner(this.options.project);
    await eachOf(members, async ({ name }) => {
      const { cgroup } = this.store.host(name);
      progress('power cut', name);
      await killCgroup(cgroup);
      removeCgroup(cgroup);
    });
  }

  async reboot(members: readonly Member[], progress: Progress): Promise<void> {
    this.store.assertOwner(this.options.project);
    this.assertNamespace();
    const records = new Map(members.map(({ name }) => [name, this.store.requireHost(name)]));
    await this.ensureNetwork();
    await eachOf([...records], async ([name, record]) => {
      const host = this.store.host(name);
      if (isRunning(host)) {
        progress('rebooting', name);
        if (await rebootHost(host)) return;
        progress('did not reboot in time: power cut', name);
        await killCgroup(host.cgroup);
      }
      progress('starting', name);
      await startHost(host, record, this.store.bridge);
    });
  }

  /** With the last host, all of the cluster goes. */
  async remove(names: readonly string[], progress: Progress): Promise<void> {
    this.store.assertOwner(this.options.project);
    const outside = this.foreignProcess(names);
    // While a host runs, its namespace can be entered; afterwards a bridge in there could not be reached.
    const last = this.store.names().every((name) => names.includes(name));
    if (outside !== undefined && last) await removeInterface(this.store.bridge, outside);
    await eachOf(names, (name) => this.removeOne(this.store.host(name), progress));
    if (this.store.names().length === 0) await this.removeCluster();
  }

  private async removeOne(host: HostPaths, progress: Progress): Promise<void> {
    if (existsSync(host.directory)) progress('removing', host.name);
    await destroyCgroup(host.cgroup);
    // The interface goes with the host's network namespace, which the kernel takes apart a little later.
    if (interfaceExists(host.link)) await until(200, () => (interfaceExists(host.link) ? undefined : true));
    await removeInterface(host.link);
    // Gone by one rename: a half-deleted disk must never be booted.
    const gone = join(this.store.hosts, `.gone-${host.name}`);
    await rm(gone, { recursive: true, force: true });
    if (existsSync(host.directory)) await rename(host.directory, gone);
    await rm(gone, { recursive: true, force: true });
  }

  private async removeCluster(): Promise<void> {
    await stopNameServer(this.nameServer());
    await removeInterface(this.store.bridge);
    for (const cgroup of this.store.cgroups()) removeOneCgroup(cgroup);
    await rm(this.store.directory, { recursive: true, force: true });
    for (const directory of [join(this.dataDir, 'clusters'), this.dataDir]) {
      // Other clusters may be in there, or the user's own files.
      await rmdir(directory).catch(() => undefined);
    }
  }

  /** The bridge, and the name server on it: both must be there before a host boots. */
  private async ensureNetwork(): Promise<void> {
    const anew = !bridgeIsUp(this.store.bridge, this.subnet);
    const ports = this.store.names().map((name) => this.store.host(name).link);
    await ensureBridge(this.store.bridge, this.subnet, ports);
    const records = this.options.nameServer?.();
    if (records === undefined) await stopNameServer(this.nameServer());
    else await ensureNameServer(this.nameServer(), records, anew);
  }

  private nameServer(): NameServerPlace {
    return nameServerPlace(this.store, bridgeAddress(this.subnet));
  }

  private async bringUp(member: Member, progress: Progress): Promise<void> {
    const host = this.store.host(member.name);
    let record = this.store.hostRecord(member.name);
    if (record === undefined) {
      progress('creating', member.name);
      record = await createHost(host, {
        name: member.name,
        address: this.address(member),
        subnet: this.subnet,
        image: imagePath(this.image, this.cacheDir),
        authorizedKey: this.options.authorizedKey,
      });
    }
    this.assertImage(record);
    progress('starting', member.name);
    await startHost(host, record, this.store.bridge);
  }

  /** Whether a host is to be laid over this image: a new one, or one whose image the cache has lost. */
  private needsImage(name: string): boolean {
    const image = this.store.hostRecord(name)?.image;
    return image === undefined || image === imagePath(this.image, this.cacheDir);
  }

  /** A host's disk is only what differs from its image. */
  private assertImage(record: HostRecord): void {
    if (existsSync(record.image)) return;
    throw new CoreupError(`the image of ${record.name}, ${record.image}, is gone, and its disk is no use without it`, {
      code: 'LOCAL_IMAGE_GONE',
      member: record.name,
      hint: `put the image back, or run coreup destroy ${record.name} and coreup up`,
    });
  }

  /** A key that was made anew in the project reaches hosts that exist, running or not. */
  private async authorizeAll(members: readonly Member[]): Promise<void> {
    const key = `${this.options.authorizedKey.trim()}\n`;
    for (const { name } of members) {
      const host = this.store.host(name);
      if (!existsSync(host.record)) continue;
      const file = join(host.keys, 'core');
      if (!existsSync(file) || readFileSync(file, 'utf8') !== key) await authorize(host, key);
    }
  }

  private assertNamespace(): void {
    const pid = this.foreignProcess(this.store.names());
    if (pid === undefined) return;
    throw new CoreupError(
      `the hosts of ${this.options.cluster} run in another network namespace than this one, and cannot be reached from here`,
      { code: 'LOCAL_OTHER_NAMESPACE', hint: `nsenter --net=/proc/${pid}/ns/net coreup …` },
    );
  }

  /** A process of a host whose network is not the one that we are in. */
  private foreignProcess(names: readonly string[]): number | undefined {
    const ours = namespaceId();
    return names
      .map((name) => outerProcess(this.store.host(name)))
      .find((pid) => pid !== undefined && namespaceOf(pid, ours) !== ours);
  }

  /** What an interrupted creation or removal has left beside the hosts. */
  private async removeLeftovers(): Promise<void> {
    for (const name of await readdir(this.store.hosts).catch(() => [])) {
      if (/^\.(?:new|gone)-/.test(name)) await rm(join(this.store.hosts, name), { recursive: true, force: true });
    }
  }

  private isUp(member: Member): boolean {
    const host = this.store.host(member.name);
    return isRunning(host) && initProcess(host) !== undefined && bootCount(host) > 0;
  }

  private statusOf(name: string): HostStatus {
    const host = this.store.host(name);
    if (!existsSync(host.record)) return 'absent';
    return isRunning(host) ? 'running' : 'stopped';
  }

  address(member: Member): string {
    return this.store.hostRecord(member.name)?.address ?? memberAddress(this.subnet, member.index);
  }

  private record(): ClusterRecord {
    const { project } = this.options;
    return { version: 1, project, subnet: this.subnet, bridge: this.store.bridge, namespace: namespaceId() };
  }
}

/** Does something for all, a few at a time; lets all of them end before the first failure is thrown. */
async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  if (items.length === 0) return;
  const { default: pLimit } = await import('p-limit');
  const limit = pLimit(parallel);
  const results = await Promise.allSettled(items.map((item) => limit(() => work(item))));
  const failures = results.filter((result) => result.status === 'rejected').map((result) => result.reason as unknown);
  const interrupted = failures.find((error) => error instanceof InterruptedError);
  if (interrupted !== undefined) throw interrupted;
  if (failures.length > 1 && failures.every((error) => error instanceof CoreupError)) {
    const [first] = failures;
    throw new CoreupError(failures.map((error) => error.message).join('; '), {
      code: first?.code ?? 'LOCAL_START',
      ...(first?.hint === undefined ? {} : { hint: first.hint }),
      cause: first,
    });
  }
  if (failures.length > 0) throw failures[0];
}

/** The namespace of a process, or ours if it has just ended. */
function namespaceOf(pid: number, ours: number): number {
  try {
    return namespaceId(pid);
  } catch {
    return ours;
  }
}
