import { createHash } from 'node:crypto';
import type { HostFile, HostState, UnitCommand } from '../cluster/host-state.js';
import { ETCD_UNIT } from '../etcd/service.js';
import type { Manifest } from './manifest.js';
import type { Observation } from './observation.js';
import type { Action, HostPlan, Step } from './step.js';

/** Whose host it is, and which user-data it is to have. */
export interface Identity {
  readonly cluster: string;
  readonly member: string;
  /** sha256 (hex) of the member's user-data with the substitutions made. */
  readonly userData: string;
}

/**
 * Compares what a host should be with what it is. Pure.
 *
 * A command of the cloud-config becomes a step only where it changes something: `start` where the unit does not run
 * (`restart` where it runs with files that have changed), `stop` where it runs, the other verbs once per user-data.
 *
 * @param desired the adapted state
 * @returns the steps in the order of coreos-cloudinit's effects; none if there is nothing to do
 */
export function diff(desired: HostState, observed: Observation, identity: Identity): HostPlan {
  const files = [...fileSteps(desired, observed)];
  const stale = [...staleSteps(desired, observed.manifest)];
  const links = [...maskSteps(desired, observed)];
  const enables = [...enableSteps(desired, observed)];
  const changed = changedUnits([...files, ...stale]);
  const pending = new Set([...(observed.manifest?.pending ?? []), ...changed]);
  const reload = [...files, ...stale, ...links, ...enables].some(touchesUnits);
  const commands = [...commandSteps(desired.commands, observed, identity, pending)];

  const etcd = commands.findIndex((step) => step.target === ETCD_UNIT);
  const early = etcd === -1 ? commands : commands.slice(0, etcd + 1);
  const late = etcd === -1 ? [] : commands.slice(etcd + 1);
  const work = [
    ...hostnameStep(desired, observed),
    ...userSteps(desired, observed),
    ...keySteps(desired, observed),
    ...directorySteps(desired, observed),
    ...files,
    ...stale,
    ...links,
    ...enables,
    ...(reload ? [step({ kind: 'daemon-reload' }, 'systemd', 'unit files change')] : []),
    ...early,
  ];

  const final = finalManifest(desired, identity);
  const settled = work.length === 0 && late.length === 0 && same(observed.manifest, final);
  if (settled) return { apply: [], finish: [] };
  const restarting = new Set([...early, ...late].map(({ target }) => target));
  const intent: Manifest = {
    ...union(observed.manifest, final),
    userData: '',
    pending: [...pending].filter((unit) => restarting.has(unit)).sort(),
  };
  const before = work.length === 0 ? [] : [record(intent, 'remembers what is about to change')];
  const after = record(final, 'remembers what coreup made');
  return late.length === 0
    ? { apply: [...before, ...work, after], finish: [] }
    : { apply: [...before, ...work], finish: [...late, after] };
}

function step(action: Action, target: string, reason: string): Step {
  return { kind: action.kind, target, reason, action };
}

function record(manifest: Manifest, reason: string): Step {
  return step({ kind: 'record', manifest }, 'manifest', reason);
}

function* hostnameStep(desired: HostState, observed: Observation): Generator<Step> {
  const name = desired.hostname;
  if (name !== null && name !== observed.hostname) {
    yield step({ kind: 'hostname', name }, name, `the host is called ${observed.hostname}`);
  }
}

function* userSteps(desired: HostState, observed: Observation): Generator<Step> {
  for (const user of desired.users) {
    const exists = observed.users.has(user.name);
    if (!exists) yield step({ kind: 'user-create', user }, user.name, 'there is no such user');
    if (user.passwordHash !== undefined && !exists) {
      yield step({ kind: 'user-password', name: user.name, hash: user.passwordHash }, user.name, 'the user is new');
    }
  }
}

function* keySteps(desired: HostState, observed: Observation): Generator<Step> {
  for (const { user, keys } of desired.authorizedKeys) {
    const present = new Set((observed.users.get(user)?.authorizedKeys ?? []).map((key) => key.trim()));
    const add = keys.map((key) => key.trim()).filter((key) => key !== '' && !present.has(key));
    if (add.length > 0) {
      yield step({ kind: 'authorized-keys', user, add }, user, `${add.length} key(s) may not log in yet`);
    }
  }
}

function* directorySteps(desired: HostState, observed: Observation): Generator<Step> {
  for (const directory of desired.directories) {
    const there = observed.paths.get(directory.path);
    const reason =
      there?.type !== 'directory'
        ? 'is missing'
        : there.mode !== directory.mode
          ? `has mode ${octal(there.mode)}`
          : ownedBy(directory.owner, there)
            ? undefined
            : `belongs to ${there.user}:${there.group}`;
    if (reason) yield step({ kind: 'directory', directory }, directory.path, reason);
  }
}

function* fileSteps(desired: HostState, observed: Observation): Generator<Step> {
  // Of two entries for one path the later one is what is left on CoreOS.
  const last = new Map(desired.files.map((file) => [file.path, file]));
  for (const file of last.values()) {
    const reason = fileDifference(file, observed);
    if (reason) yield step({ kind: 'file-write', file }, file.path, reason);
  }
}

function fileDifference(file: HostFile, observed: Observation): string | undefined {
  const there = observed.paths.get(file.path);
  if (!there) return 'is missing';
  if (there.type !== 'file') return `is a ${there.type}, not a file`;
  if (there.sha256 !== sha256(file.content)) return 'has other content';
  if (there.mode !== file.mode) return `has mode ${octal(there.mode)}`;
  return ownedBy(file.owner, there) ? undefined : `belongs to ${there.user}:${there.group}`;
}

/** Files of an earlier user-data; the step itself leaves alone what somebody has changed since. */
function* staleSteps(desired: HostState, manifest: Manifest | undefined): Generator<Step> {
  const wanted = new Set(desired.files.map((file) => file.path));
  for (const [path, sum] of Object.entries(manifest?.files ?? {})) {
    if (!wanted.has(path))
      yield step({ kind: 'file-remove', path, sha256: sum }, path, 'is no longer in the user-data');
  }
}

function* maskSteps(desired: HostState, observed: Observation): Generator<Step> {
  for (const unit of desired.units) {
    const masked = observed.units.get(unit.name)?.load === 'masked';
    if (unit.mask && !masked) yield step({ kind: 'unit-mask', unit: unit.name }, unit.name, 'is not masked');
    if (!unit.mask && masked) yield step({ kind: 'unit-unmask', unit: unit.name }, unit.name, 'is masked');
  }
  const wanted = new Set(desired.units.map((unit) => unit.name));
  for (const name of observed.manifest?.masked ?? []) {
    if (!wanted.has(name)) yield step({ kind: 'unit-unmask', unit: name }, name, 'is no longer in the user-data');
  }
}

/** Unit file states in which `enable` has nothing to do (systemctl(1), is-enabled). */
const CANNOT_ENABLE = new Set(['static', 'indirect', 'generated', 'transient', 'alias']);

function* enableSteps(desired: HostState, observed: Observation): Generator<Step> {
  for (const unit of desired.units.filter((entry) => entry.enable && !entry.mask)) {
    const state = observed.units.get(unit.name)?.fileState ?? '';
    if (!state.startsWith('enabled') && !CANNOT_ENABLE.has(state)) {
      yield step({ kind: 'unit-enable', unit: unit.name }, unit.name, 'is not enabled');
    }
  }
  const wanted = new Set(desired.units.filter((unit) => unit.enable).map((unit) => unit.name));
  for (const name of observed.manifest?.enabled ?? []) {
    if (!wanted.has(name))
      yield step({ kind: 'unit-disable', unit: name }, name, 'is no longer enabled by the user-data');
  }
}

function* commandSteps(
  commands: readonly UnitCommand[],
  observed: Observation,
  identity: Identity,
  pending: ReadonlySet<string>,
): Generator<Step> {
  const applied = observed.manifest?.userData === identity.userData;
  for (const { unit, verb } of commands) {
    const active = observed.units.get(unit)?.active ?? 'inactive';
    const runs = active === 'active' || active === 'activating' || active === 'reloading';
    // etcd reports itself started only once its cluster is there: waiting here for one member would block all.
    const wait = unit !== ETCD_UNIT;
    if (verb === 'start') {
      if (!runs) yield step({ kind: 'unit-command', unit, verb, wait }, unit, `is ${active || 'not loaded'}`);
      else if (pending.has(unit)) {
        yield step({ kind: 'unit-command', unit, verb: 'restart', wait }, unit, 'runs with files that have changed');
      }
    } else if (verb === 'stop') {
      if (runs) yield step({ kind: 'unit-command', unit, verb, wait }, unit, `is ${active}`);
    } else if (!applied) {
      yield step({ kind: 'unit-command', unit, verb, wait }, unit, 'the user-data is new on this host');
    }
  }
}

/** Units whose unit file or drop-ins are among the changed files. */
function changedUnits(steps: readonly Step[]): ReadonlySet<string> {
  const units = steps.flatMap(({ target }) => {
    const found = /^\/(?:etc|run)\/systemd\/system\/([^/]+?)(?:\.d\/[^/]+)?$/.exec(target)?.[1];
    return found === undefined ? [] : [found];
  });
  return new Set(units);
}

function touchesUnits(step: Step): boolean {
  return step.kind.startsWith('unit-') || step.target.includes('/systemd/system/');
}

function finalManifest(desired: HostState, identity: Identity): Manifest {
  return {
    version: 1,
    cluster: identity.cluster,
    member: identity.member,
    userData: identity.userData,
    files: Object.fromEntries(desired.files.map((file) => [file.path, sha256(file.content)])),
    enabled: desired.units.filter((unit) => unit.enable).map((unit) => unit.name),
    masked: desired.units.filter((unit) => unit.mask).map((unit) => unit.name),
    pending: [],
  };
}

/** Everything that is coreup's before or after: what an interrupted apply may leave behind. */
function union(before: Manifest | undefined, after: Manifest): Manifest {
  return {
    ...after,
    files: { ...before?.files, ...after.files },
    enabled: [...new Set([...(before?.enabled ?? []), ...after.enabled])],
    masked: [...new Set([...(before?.masked ?? []), ...after.masked])],
  };
}

function same(a: Manifest | undefined, b: Manifest): boolean {
  return a !== undefined && JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

function sorted(manifest: Manifest): unknown {
  return { ...manifest, files: Object.entries(manifest.files).sort() };
}

function ownedBy(owner: string | null, there: { user: string; group: string }): boolean {
  const [user = '', group] = (owner ?? 'root:root').split(':');
  return (user === '' || user === there.user) && (group === undefined || group === '' || group === there.group);
}

function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}
