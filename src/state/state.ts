import { constants } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CoreupError, InputError } from '../util/errors.js';
import { makeDirectories, writeFileAtomic } from '../util/fs.js';

/** What coreup remembers of a project between runs: `.coreup/state.json`. */
export interface State {
  readonly version: 1;
  /** sha256 (hex) of each rendered file that coreup wrote or was about to write, newest last. */
  readonly rendered: Readonly<Record<string, readonly string[]>>;
  /** sha256 (hex) of what was downloaded from a URL without a checksum when a person first trusted it. */
  readonly sources?: Readonly<Record<string, string>>;
  /** How far the etcd cluster has come; absent before the first member is started. */
  readonly bootstrap?: {
    readonly phase: 'started' | 'done';
    /** Names of the etcd members it was started with. */
    readonly members: readonly string[];
    /** etcd's cluster ID (hex), once verified. */
    readonly clusterId?: string;
  };
  /** How the members find each other, where that was made or asked for once; kept until the cluster is destroyed. */
  readonly discovery?: DiscoveryState;
  /** The etcd that each host was last seen with, such as `3.4.23`, by member name. */
  readonly versions?: Readonly<Record<string, string>>;
}

/** What a discovery mode has to remember. */
export interface DiscoveryState {
  /** The mode that it belongs to. */
  readonly mode: string;
  /** The discovery URL, token included. */
  readonly url?: string;
  readonly token?: string;
  /** How many members it was made for. */
  readonly size: number;
  /** `name=peer-url` pairs of the running cluster, once it was converted to static membership. */
  readonly membership?: string;
  /** Who has registered with the token that coreup itself serves, in order. */
  readonly registrations?: readonly { readonly id: string; readonly value: string }[];
}

const EMPTY: State = { version: 1, rendered: {} };

/** The `.coreup` directory of one project. */
export class StateDirectory {
  constructor(readonly path: string) {}

  file(name: string): string {
    return join(this.path, name);
  }

  /**
   * Makes the directory (0700) where it is missing.
   *
   * @throws InputError STATE_UNWRITABLE if this user cannot write there
   */
  async ensure(): Promise<void> {
    try {
      await makeDirectories(this.path, 0o700);
      await access(this.path, constants.W_OK);
    } catch (error) {
      throw new InputError(`cannot write into ${this.path}: ${(error as Error).message}`, {
        code: 'STATE_UNWRITABLE',
        hint: `Make ${dirname(this.path)} writable for this user, or run coreup as the user who owns it.`,
        cause: error,
      });
    }
  }

  /**
   * @returns the remembered state, or an empty one where nothing is remembered yet
   * @throws CoreupError STATE_UNREADABLE if the file is there but is no state of this version
   */
  async load(): Promise<State> {
    const path = this.file('state.json');
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return EMPTY;
      throw new CoreupError(`cannot read ${path}: ${(error as Error).message}`, {
        code: 'STATE_UNREADABLE',
        hint: 'Make the project directory readable for this user.',
        cause: error,
      });
    }
    const state = parseState(text);
    if (!state) {
      throw new CoreupError(`${path} is not a state file that this version of coreup can read`, {
        code: 'STATE_UNREADABLE',
        hint: 'Use the version of coreup that wrote it, or move the file away; hosts are looked at anew on every run.',
      });
    }
    return state;
  }

  /** Applies a change to the newest state on disk and writes it atomically. */
  async update(change: (state: State) => State): Promise<State> {
    await this.ensure();
    const before = await this.load();
    const after = change(before);
    if (JSON.stringify(after) !== JSON.stringify(before)) {
      await writeFileAtomic(this.file('state.json'), `${JSON.stringify(after, null, 2)}\n`, 0o600);
    }
    return after;
  }
}

function parseState(text: string): State | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { version, rendered, sources, bootstrap, discovery, versions } = value as Readonly<Record<string, unknown>>;
  const sound =
    version === 1 &&
    isRendered(rendered) &&
    (sources === undefined || isSources(sources)) &&
    (bootstrap === undefined || isBootstrap(bootstrap)) &&
    (discovery === undefined || isDiscovery(discovery)) &&
    (versions === undefined || areStrings(Object.values(versions ?? {})));
  return sound ? (value as State) : undefined;
}

function isDiscovery(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { mode, size, url, token, membership, registrations = [] } = value as Readonly<Record<string, unknown>>;
  const texts = [url, token, membership].filter((text) => text !== undefined);
  const kept =
    Array.isArray(registrations) &&
    registrations.every((entry) => {
      const { id, value: text } = (entry ?? {}) as Readonly<Record<string, unknown>>;
      return typeof id === 'string' && typeof text === 'string';
    });
  return typeof mode === 'string' && Number.isInteger(size) && areStrings(texts) && kept;
}

function isRendered(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.values(value).every(areStrings);
}

function isSources(value: unknown): boolean {
  return typeof value === 'object' && value !== null && areStrings(Object.values(value));
}

function isBootstrap(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { phase, members, clusterId } = value as { phase?: unknown; members?: unknown; clusterId?: unknown };
  const known = clusterId === undefined || typeof clusterId === 'string';
  return (phase === 'started' || phase === 'done') && areStrings(members) && known;
}

function areStrings(value: unknown): boolean {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string');
}
