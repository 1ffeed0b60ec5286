/**
 * The format of `.coreup/state.json`. Fields that may be absent are added without a new version; a new version is due
 * where an older coreup that reads, changes and writes the file would do harm.
 *
 * - 1: the first one.
 * - 2: hosts are locked and the steps of a run are written down; a coreup of version 1 would do neither.
 */
export const STATE_VERSION = 2;

/** What coreup remembers of a project between runs: `.coreup/state.json`. */
export interface State {
  readonly version: typeof STATE_VERSION;
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
    /** Whether it speaks TLS with coreup's certificates; absent: it does not, as all before there was this field. */
    readonly tls?: boolean;
    /** Present from the first step of a change of that to the last. */
    readonly changing?: true;
  };
  /** How the members find each other, where that was made or asked for once; kept until the cluster is destroyed. */
  readonly discovery?: DiscoveryState;
  /** The etcd that each host was last seen with, such as `3.4.23`, by member name. */
  readonly versions?: Readonly<Record<string, string>>;
  /** Addresses of hosts for which config.ts gives none, as they were found there, by member name. */
  readonly addresses?: Readonly<Record<string, FoundAddresses>>;
}

/** What `$private_ipv4` and `$public_ipv4` stand for on a host, as long as config.ts reaches it in the same way. */
export interface FoundAddresses {
  /** How config.ts gives the host. */
  readonly at: string;
  readonly private_ipv4: string;
  readonly public_ipv4: string;
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

export const EMPTY_STATE: State = { version: STATE_VERSION, rendered: {} };

/** A state file as it was found. */
export type ReadState =
  | { readonly kind: 'state'; readonly state: State }
  /** Written by a coreup that knows a later version. */
  | { readonly kind: 'newer'; readonly version: number }
  /** No state at all: what is wrong with it. */
  | { readonly kind: 'corrupt'; readonly reason: string };

/** What leads from each version to the next. */
const MIGRATIONS: readonly ((state: Fields) => Fields)[] = [(state) => ({ ...state, version: 2 })];

type Fields = Readonly<Record<string, unknown>>;

/** Reads a state file of any version so far; what an older coreup wrote comes out as if this one had written it. */
export function parseState(text: string): ReadState {
  const corrupt = (reason: string): ReadState => ({ kind: 'corrupt', reason });
  if (text.trim() === '') return corrupt('it is empty');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // What JSON.parse says quotes the file, which may hold a discovery token.
    return corrupt('it is no JSON: cut off, or edited by hand');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return corrupt('it is no JSON object');
  const { version } = value as Fields;
  if (typeof version !== 'number' || !Number.isInteger(version) || version < 1) return corrupt('it has no version');
  if (version > STATE_VERSION) return { kind: 'newer', version };
  const state = MIGRATIONS.slice(version - 1).reduce((fields, migrate) => migrate(fields), value as Fields);
  const unsound = Object.entries(SOUND).find(([key, isSound]) => !isSound(state[key]))?.[0];
  return unsound === undefined
    ? { kind: 'state', state: state as unknown as State }
    : corrupt(`what it says of ${unsound} cannot be understood`);
}

/** What each field must be. */
const SOUND: Readonly<Record<string, (value: unknown) => boolean>> = {
  rendered: isRendered,
  sources: optional((value) => isObject(value) && areStrings(Object.values(value))),
  bootstrap: optional(isBootstrap),
  discovery: optional(isDiscovery),
  versions: optional((value) => isObject(value) && areStrings(Object.values(value))),
  addresses: optional((value) => isObject(value) && Object.values(value).every(areFound)),
};

function optional(isSound: (value: unknown) => boolean): (value: unknown) => boolean {
  return (value) => value === undefined || isSound(value);
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isDiscovery(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { mode, size, url, token, membership, registrations = [] } = value;
  const texts = [url, token, membership].filter((text) => text !== undefined);
  const kept =
    Array.isArray(registrations) &&
    registrations.every((entry) => {
      const { id, value: text } = (entry ?? {}) as Fields;
      return typeof id === 'string' && typeof text === 'string';
    });
  return typeof mode === 'string' && Number.isInteger(size) && areStrings(texts) && kept;
}

function areFound(value: unknown): boolean {
  return isObject(value) && areStrings([value['at'], value['private_ipv4'], value['public_ipv4']]);
}

function isRendered(value: unknown): boolean {
  return isObject(value) && Object.values(value).every(areStrings);
}

function isBootstrap(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { phase, members, clusterId, tls, changing } = value;
  const known =
    (clusterId === undefined || typeof clusterId === 'string') &&
    (tls === undefined || typeof tls === 'boolean') &&
    (changing === undefined || changing === true);
  return (phase === 'started' || phase === 'done') && areStrings(members) && known;
}

function areStrings(value: unknown): boolean {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string');
}
