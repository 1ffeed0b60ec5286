import { posix } from 'node:path';
import type { HostFile } from '../cluster/host-state.js';
import { parseEtcdVersion } from '../etcd/version.js';
import { sha256 } from './digest.js';
import { ancestors } from './diff-paths.js';
import { templateOf, unitOfFile } from './diff-units.js';
import { MANIFEST_PATH, parseManifest, printManifest } from './manifest.js';
import { NO_UNIT, type ObservedPath, type ObservedUnit, type ObservedUser, type Observation } from './observation.js';
import { maskPath } from './persist.js';
import type { Action, Step } from './step.js';

/**
 * A host as it will be found once these steps are made, as far as `diff` looks at one: for plans that go on from there.
 * What a step brings that is not known before (the content of a file that comes back, what a unit's start does) is left
 * out. Pure.
 */
export function afterwards(observed: Observation, steps: readonly Step[]): Observation {
  const host = new Expected(observed);
  for (const { action } of steps) host.make(action);
  return host.observation();
}

const ROOT = { user: 'root', group: 'root', uid: 0, gid: 0 };
const DIRECTORY: ObservedPath = { type: 'directory', mode: 0o755, ...ROOT };
const LINK: ObservedPath = { type: 'link', mode: 0o777, ...ROOT };

class Expected {
  readonly #paths: Map<string, ObservedPath>;
  readonly #contents: Map<string, Uint8Array>;
  readonly #units: Map<string, ObservedUnit>;
  readonly #users: Map<string, ObservedUser>;
  #observed: Observation;

  constructor(observed: Observation) {
    this.#observed = observed;
    this.#paths = new Map(observed.paths);
    this.#contents = new Map(observed.contents);
    this.#units = new Map(observed.units);
    this.#users = new Map(observed.users);
  }

  observation(): Observation {
    const [paths, contents, units, users] = [this.#paths, this.#contents, this.#units, this.#users];
    return { ...this.#observed, paths, contents, units, users };
  }

  make(action: Action): void {
    switch (action.kind) {
      case 'hostname':
        this.#observed = { ...this.#observed, hostname: action.name };
        return;
      case 'package-install': {
        const etcd = { path: action.program, version: parseEtcdVersion(`${action.version}.0`) };
        this.#observed = { ...this.#observed, etcd };
        this.#change(action.unit, { load: 'loaded' });
        return;
      }
      case 'user-create':
        this.#users.set(action.user.name, { home: action.user.homeDir ?? '', passwordHash: '*', authorizedKeys: [] });
        return;
      case 'user-password':
        this.#changeUser(action.name, { passwordHash: action.hash });
        return;
      case 'authorized-keys': {
        const keys = this.#users.get(action.user)?.authorizedKeys ?? [];
        const left = [...keys, ...action.add].filter((key) => !action.remove.includes(key));
        this.#changeUser(action.user, { authorizedKeys: left });
        return;
      }
      case 'directory':
        this.#paths.set(action.directory.path, {
          ...ownerOf(action.directory),
          type: 'directory',
          mode: action.directory.mode,
        });
        return;
      case 'file-write':
      case 'file-edit':
        this.#write(action.file);
        return;
      case 'file-remove':
        this.#remove(action.path);
        return;
      case 'directory-remove':
        this.#removeEmpty(action.path);
        return;
      case 'put-aside':
        this.#remove(action.path);
        return;
      case 'unit-mask':
        this.#paths.set(maskPath(action.unit), LINK);
        this.#change(action.unit, { load: 'masked', fileState: 'masked', fragment: maskPath(action.unit) });
        return;
      case 'unit-unmask':
        if (this.#paths.get(maskPath(action.unit))?.type === 'link') this.#paths.delete(maskPath(action.unit));
        this.#change(action.unit, { load: 'loaded', fileState: 'disabled', fragment: '' });
        return;
      case 'unit-enable':
      case 'unit-reenable':
        this.#change(action.unit, { fileState: 'enabled' });
        return;
      case 'unit-disable':
        this.#change(action.unit, { fileState: 'disabled' });
        return;
      case 'unit-retire':
        for (const unit of this.#units.keys()) {
          if (unit === action.unit || templateOf(unit).replace('@.', '@*.') === action.unit) this.#stop(unit);
        }
        return;
      case 'unit-command':
        if (action.verb === 'stop') this.#stop(action.unit);
        else this.#start(action.unit);
        return;
      case 'record':
        // As it will be read from there: in the order in which it is written.
        this.#observed = { ...this.#observed, manifest: parseManifest(printManifest(action.manifest)) };
        this.#paths.set(MANIFEST_PATH, { ...ROOT, type: 'file', mode: 0o600 });
        return;
      case 'daemon-reload':
        for (const unit of this.#units.keys()) this.#reload(unit);
    }
  }

  #write(file: HostFile): void {
    for (const path of ancestors(file.path)) if (!this.#paths.has(path)) this.#paths.set(path, DIRECTORY);
    const { path, mode, content } = file;
    this.#paths.set(path, { ...ownerOf(file), type: 'file', mode, sha256: sha256(content) });
    this.#contents.set(path, content);
  }

  #remove(path: string): void {
    this.#paths.delete(path);
    this.#contents.delete(path);
    // The directory of a drop-in goes with the last one in it.
    if (/\.d\/[^/]+$/.test(path)) this.#removeEmpty(posix.dirname(path));
  }

  #removeEmpty(path: string): void {
    if (![...this.#paths.keys()].some((other) => other.startsWith(`${path}/`))) this.#paths.delete(path);
  }

  /** As systemd finds the unit's own file; one of the distribution's stays what it is. */
  #reload(unit: string): void {
    const seen = this.#units.get(unit);
    if (!seen || seen.load === 'masked') return;
    const own = [unit, templateOf(unit)]
      .filter((name) => name !== '')
      .map((name) => `/etc/systemd/system/${name}`)
      .find((path) => this.#paths.has(path));
    const { fragment } = seen;
    const gone = unitOfFile(fragment) !== undefined && own === undefined;
    if (own !== undefined) this.#change(unit, { load: 'loaded', fragment: own });
    else if (gone) this.#change(unit, { load: 'not-found', fragment: '', fileState: '' });
  }

  #start(unit: string): void {
    // A oneshot service is inactive again when it has done its work.
    if (this.#units.get(unit)?.type === 'oneshot') return;
    this.#change(unit, { active: 'active', sub: 'running' });
  }

  #stop(unit: string): void {
    this.#change(unit, { active: 'inactive', sub: 'dead' });
  }

  #change(unit: string, part: Partial<ObservedUnit>): void {
    this.#units.set(unit, { ...(this.#units.get(unit) ?? NO_UNIT), ...part });
  }

  #changeUser(name: string, part: Partial<ObservedUser>): void {
    const none: ObservedUser = { home: '', passwordHash: '*', authorizedKeys: [] };
    this.#users.set(name, { ...(this.#users.get(name) ?? none), ...part });
  }
}

/** @param owner as for chown(1) */
function ownerOf({ owner }: { readonly owner: string | null }): Pick<ObservedPath, 'user' | 'group' | 'uid' | 'gid'> {
  const [user = 'root', group = 'root'] = (owner ?? 'root:root').split(owner?.includes(':') === false ? '.' : ':');
  return { user, group, uid: numberOf(user), gid: numberOf(group) };
}

function numberOf(name: string): number {
  return /^\d+$/.test(name) ? Number(name) : -1;
}
