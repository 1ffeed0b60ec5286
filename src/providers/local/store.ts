import { randomBytes } from 'node:crypto';
import { linkSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { CoreupError, InputError } from '../../util/errors.js';
import { cgroupRoot } from './cgroup.js';
import { makeDirectory, readJson, writeAtomic, writeSynced } from './files.js';
import { shortName } from './network.js';
import { dataRoot } from './paths.js';

/** What is written down about a cluster: who made it and which addresses it has. */
export interface ClusterRecord {
  readonly version: 1;
  /** The project directory that owns it. */
  readonly project: string;
  readonly subnet: string;
  readonly bridge: string;
  /** Inode number of the network namespace that it was last started in; good while that namespace exists. */
  readonly namespace: number;
}

/** What is written down about a host when it is created; it never changes. */
export interface HostRecord {
  readonly version: 1;
  readonly name: string;
  readonly address: string;
  /** `ssh-ed25519 AAAA…` */
  readonly publicKey: string;
  /** The image that its disk is laid over. */
  readonly image: string;
  readonly machineId: string;
}

/** Where everything of one host is. */
export interface HostPaths {
  readonly name: string;
  readonly directory: string;
  readonly record: string;
  /** The overlay's layers and mount point. */
  readonly upper: string;
  readonly work: string;
  readonly root: string;
  /** Keys that may log in, shown to the host read-only. */
  readonly keys: string;
  readonly console: string;
  /** How often it was booted. */
  readonly boots: string;
  readonly lock: string;
  readonly cgroup: string;
  /** nspawn's name for the machine; the interface on the bridge is `vb-` and this. */
  readonly machine: string;
  readonly link: string;
}

/** What one cluster of the local provider has on disk, and the names that follow from where that is. */
export class Store {
  readonly directory: string;
  readonly hosts: string;
  /** Interface name of the bridge. */
  readonly bridge: string;

  constructor(
    readonly cluster: string,
    private readonly root: string = dataRoot(),
  ) {
    this.directory = join(root, 'clusters', cluster);
    this.hosts = join(this.directory, 'hosts');
    this.bridge = shortName('cu-', this.directory);
  }

  /** cgroups that hold those of the hosts, innermost first. Two data directories never share one. */
  cgroups(): [cluster: string, all: string] {
    const all = join(cgroupRoot(), 'coreup');
    return [join(all, `${this.cluster}.${shortName('', this.directory)}`), all];
  }

  /** @throws InputError LOCAL_NAME if the name could lead out of the cluster's directory */
  host(name: string): HostPaths {
    if (!/^[A-Za-z0-9][A-Za-z0-9.-]*$/.test(name)) {
      throw new InputError(`${JSON.stringify(name)} cannot be the name of a host`, { code: 'LOCAL_NAME' });
    }
    const directory = join(this.hosts, name);
    const machine = shortName('cu-', directory);
    return {
      name,
      directory,
      record: join(directory, 'host.json'),
      upper: join(directory, 'upper'),
      work: join(directory, 'work'),
      root: join(directory, 'root'),
      keys: join(directory, 'keys'),
      console: join(directory, 'console.log'),
      boots: join(directory, 'boots'),
      lock: join(directory, 'lock'),
      cgroup: join(this.cgroups()[0], name),
      machine,
      link: `vb-${machine}`,
    };
  }

  record(): ClusterRecord | undefined {
    return readJson(join(this.directory, 'cluster.json')) as ClusterRecord | undefined;
  }

  hostRecord(name: string): HostRecord | undefined {
    return readJson(this.host(name).record) as HostRecord | undefined;
  }

  /** Names of the hosts that exist, in order; half-made ones have other names. */
  names(): string[] {
    return list(this.hosts).filter((name) => !name.startsWith('.'));
  }

  /** The other clusters in the same data directory. */
  others(): { name: string; record: ClusterRecord }[] {
    return list(join(this.root, 'clusters'))
      .filter((name) => name !== this.cluster)
      .flatMap((name) => {
        const record = new Store(name, this.root).record();
        return record === undefined ? [] : [{ name, record }];
      });
  }

  /**
   * Takes the cluster's name for a project directory, or confirms that it has it.
   *
   * @throws InputError LOCAL_CLUSTER_TAKEN if another project has it
   */
  async claim(record: ClusterRecord): Promise<void> {
    const file = join(this.directory, 'cluster.json');
    const before = this.record();
    this.assertOwner(record.project, before);
    if (JSON.stringify(before) === JSON.stringify(record)) return;
    if (before !== undefined) return writeAtomic(file, encode(record));
    // A link, unlike a rename, fails if somebody was faster.
    await makeDirectory(this.hosts);
    const beside = join(this.directory, `.claim-${randomBytes(6).toString('hex')}`);
    await writeSynced(beside, encode(record));
    try {
      linkSync(beside, file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      this.assertOwner(record.project, this.record());
    } finally {
      rmSync(beside, { force: true });
    }
  }

  /** @throws InputError LOCAL_CLUSTER_TAKEN if the cluster belongs to another project directory */
  assertOwner(project: string, record = this.record()): void {
    const problem = this.ownerProblem(project, record);
    if (problem !== undefined)
      throw new InputError(problem.message, { code: 'LOCAL_CLUSTER_TAKEN', hint: problem.remedy });
  }

  ownerProblem(project: string, record = this.record()): { message: string; remedy: string } | undefined {
    if (record === undefined || record.project === project) return undefined;
    return {
      message: `this machine already has a cluster ${this.cluster}, which belongs to ${record.project}`,
      remedy: `give this one another cluster_name, or run coreup destroy in ${record.project}`,
    };
  }

  /** @throws CoreupError LOCAL_NO_HOST if there is no such host */
  requireHost(name: string): HostRecord {
    const record = this.hostRecord(name);
    if (record !== undefined) return record;
    throw new CoreupError(`${name} does not exist on this machine`, {
      code: 'LOCAL_NO_HOST',
      member: name,
      hint: 'coreup up makes it',
    });
  }
}

function encode(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}
