import { posix } from 'node:path';
import type { HostFile } from '../../../src/cluster/host-state.js';
import { ancestors } from '../../../src/plan/diff-paths.js';
import { parseManifest, printManifest, type Manifest } from '../../../src/plan/manifest.js';
import type { ObservedPath, ObservedUnit, Observation } from '../../../src/plan/observation.js';
import type { Action } from '../../../src/plan/step.js';
import { EMPTY_HOST, sha256 } from './support.js';

const UNITS = '/etc/systemd/system/';

/**
 * A MODEL of a host for tests of plans: files, users, and a systemd that runs each unit with the files it had read when
 * the unit was started. Steps that a real host would refuse throw.
 */
export class ModelHost {
  hostname = 'host';
  readonly files = new Map<string, { sum: string; mode: number; owner: string } | 'directory' | 'mask'>();
  readonly directories = new Set(['/etc', '/etc/systemd', '/etc/systemd/system']);
  readonly users = new Map<string, { hash: string; keys: string[] }>();
  readonly enabled = new Set<string>();
  /** Definition that each running unit was started with. */
  readonly running = new Map<string, string>();
  /** How often each unit was restarted. */
  readonly restarted = new Map<string, number>();
  manifest: Manifest | undefined;
  /** Contents of files that were edited. */
  readonly texts = new Map<string, Uint8Array>();
  private loaded = new Map<string, string>();

  /** @param vendor units that the distribution brings under /usr/lib */
  constructor(
    private readonly vendor: readonly string[],
    private readonly oneshot: readonly string[],
  ) {}

  /** What a unit consists of on disk: its file, its template's, and the drop-ins of both. */
  definition(unit: string): string {
    const template = unit.replace(/@[^.]+\./, '@.');
    return [...this.files]
      .filter(([path]) =>
        [unit, template].some((name) => path === UNITS + name || path.startsWith(`${UNITS}${name}.d/`)),
      )
      .map(([path, entry]) => `${path}=${typeof entry === 'string' ? entry : entry.sum}`)
      .sort()
      .join(' ');
  }

  private exists(unit: string): boolean {
    const template = unit.replace(/@[^.]+\./, '@.');
    return this.vendor.includes(unit) || [unit, template].some((name) => this.files.has(UNITS + name));
  }

  /** As at boot: systemd reads everything anew and starts what is enabled. */
  reboot(): void {
    this.running.clear();
    this.reload();
    for (const unit of this.enabled) if (this.exists(unit) && !this.isMasked(unit)) this.start(unit);
  }

  private reload(): void {
    const names = [...this.files.keys()].flatMap((path) => /system\/([^/]+?)(\.d\/.*)?$/.exec(path)?.[1] ?? []);
    for (const unit of [...names, ...this.vendor, ...this.running.keys(), ...this.loaded.keys()]) {
      this.loaded.set(unit, this.definition(unit));
    }
  }

  private isMasked(unit: string): boolean {
    return this.files.get(UNITS + unit) === 'mask';
  }

  private start(unit: string): void {
    if (this.isMasked(unit)) throw new Error(`${unit} is masked`);
    if (!this.exists(unit)) throw new Error(`${unit} not found`);
    // systemd reads a unit by itself when it is asked for the first time.
    if (!this.loaded.has(unit)) this.loaded.set(unit, this.definition(unit));
    if (!this.oneshot.includes(unit)) this.running.set(unit, this.loaded.get(unit) ?? '');
  }

  apply(action: Action): void {
    switch (action.kind) {
      case 'hostname':
        this.hostname = action.name;
        return;
      case 'user-create':
        if (this.users.has(action.user.name)) throw new Error(`${action.user.name} exists`);
        this.users.set(action.user.name, { hash: '!', keys: [] });
        return;
      case 'user-password':
        this.user(action.name).hash = action.hash;
        return;
      case 'authorized-keys':
        this.user(action.user).keys.push(...action.add);
        this.user(action.user).keys = this.user(action.user).keys.filter((key) => !action.remove.includes(key));
        return;
      case 'directory':
        this.files.set(action.directory.path, 'directory');
        return;
      case 'file-write':
        if (this.files.get(action.file.path) === 'directory') throw new Error('is a directory');
        this.write(action.file);
        return;
      case 'file-edit':
        this.write(action.file);
        this.texts.set(action.file.path, action.file.content);
        return;
      case 'directory-remove':
        this.removeEmpty(action.path);
        return;
      case 'file-remove': {
        const there = this.files.get(action.path);
        if (typeof there === 'object' && action.sha256.includes(there.sum)) this.files.delete(action.path);
        this.texts.delete(action.path);
        if (action.path.includes('.d/')) this.removeEmpty(posix.dirname(action.path));
        return;
      }
      case 'unit-mask':
        this.files.set(UNITS + action.unit, 'mask');
        return;
      case 'unit-unmask':
        if (this.isMasked(action.unit)) this.files.delete(UNITS + action.unit);
        return;
      case 'unit-reenable':
        if (!this.enabled.has(action.unit)) throw new Error(`${action.unit} is not enabled`);
        return;
      case 'unit-retire':
        for (const unit of this.running.keys()) {
          if (unit.replace(/@[^.]+/, '@*') === action.unit || unit === action.unit) this.running.delete(unit);
        }
        return;
      case 'unit-enable':
        if (!this.exists(action.unit)) throw new Error(`${action.unit} does not exist`);
        this.enabled.add(action.unit);
        return;
      case 'unit-disable':
        this.enabled.delete(action.unit);
        return;
      case 'put-aside':
        this.files.delete(action.path);
        break;
      case 'daemon-reload':
        this.reload();
        return;
      case 'unit-command':
        if (action.verb === 'stop') this.running.delete(action.unit);
        else {
          if (action.verb === 'restart') {
            this.restarted.set(action.unit, (this.restarted.get(action.unit) ?? 0) + 1);
          }
          this.start(action.unit);
        }
        return;
      case 'record':
        this.manifest = parseManifest(printManifest(action.manifest));
    }
  }

  private write(file: HostFile): void {
    for (const directory of ancestors(file.path)) this.directories.add(directory);
    this.files.set(file.path, entry(file));
  }

  private removeEmpty(directory: string): void {
    const inside = [...this.files.keys(), ...this.directories].some((path) => path.startsWith(`${directory}/`));
    if (!inside) this.directories.delete(directory);
  }

  private user(name: string): { hash: string; keys: string[] } {
    const user = this.users.get(name);
    if (!user) throw new Error(`no user ${name}`);
    return user;
  }

  observe(units: readonly string[]): Observation {
    return {
      ...EMPTY_HOST,
      hostname: this.hostname,
      paths: new Map([
        ...[...this.directories].map((path) => [path, seen('directory')] as const),
        ...[...this.files].map(([path, there]) => [path, seen(there)] as const),
      ]),
      contents: this.texts,
      users: new Map(
        [...this.users].map(([name, { hash, keys }]) => [
          name,
          { home: `/home/${name}`, passwordHash: hash, authorizedKeys: [...keys] },
        ]),
      ),
      units: new Map(units.map((unit) => [unit, this.seenUnit(unit)])),
      manifest: this.manifest,
    };
  }

  private fragment(unit: string): string {
    const template = unit.replace(/@[^.]+\./, '@.');
    const own = [unit, template].find((name) => this.files.has(UNITS + name));
    if (own !== undefined) return UNITS + own;
    return this.vendor.includes(unit) ? `/usr/lib/systemd/system/${unit}` : '';
  }

  private seenUnit(unit: string): ObservedUnit {
    const exists = this.exists(unit);
    return {
      load: this.isMasked(unit) ? 'masked' : exists ? 'loaded' : 'not-found',
      active: this.running.has(unit) ? 'active' : 'inactive',
      sub: this.running.has(unit) ? 'running' : 'dead',
      fileState: exists ? (this.enabled.has(unit) ? 'enabled' : 'disabled') : '',
      fragment: this.fragment(unit),
      type: this.oneshot.includes(unit) ? 'oneshot' : 'simple',
      restarts: 0,
    };
  }
}

function entry(file: HostFile): { sum: string; mode: number; owner: string } {
  return { sum: sha256(file.content), mode: file.mode, owner: file.owner ?? 'root:root' };
}

function seen(there: { sum: string; mode: number; owner: string } | 'directory' | 'mask'): ObservedPath {
  const root = { user: 'root', group: 'root', uid: 0, gid: 0 };
  if (there === 'directory') return { type: 'directory', mode: 0o700, ...root };
  if (there === 'mask') return { type: 'link', mode: 0o777, ...root };
  const [user = '', group = user] = there.owner.split(':');
  return { type: 'file', mode: there.mode, user, group, uid: 1, gid: 1, sha256: there.sum };
}
