import type { HostState, UnitCommand } from '../cluster/host-state.js';
import { ETCD_UNIT } from '../etcd/service.js';
import { directorySteps, fileSteps, sha256, staleSteps } from './diff-paths.js';
import type { Manifest } from './manifest.js';
import type { Observation } from './observation.js';
import { step, type HostPlan, type Step } from './step.js';

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
 * @param wanted the adapted state
 * @returns the steps in the order of coreos-cloudinit's effects; none if there is nothing to do
 */
export function diff(wanted: HostState, observed: Observation, identity: Identity): HostPlan {
  const desired = settle(wanted);
  const files = [...fileSteps(desired, observed)];
  const stale = [...staleSteps(desired, observed.manifest)];
  const links = [...maskSteps(desired, observed)];
  const enables = [...enableSteps(desired, observed)];
  const changed = changedUnits([...files, ...stale]);
  const outdated = outdatedUnits(changed, observed);
  // An apply that was cut short may have written unit files without telling systemd.
  const interrupted = observed.manifest?.userData === '';
  const reload = interrupted || [...files, ...stale, ...links, ...enables].some(touchesUnits);
  const commands = [...commandSteps(desired.commands, observed, identity, { changed, outdated })];

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
    ...(reload ? [reloadStep(interrupted)] : []),
    ...early,
  ];

  const renewed = new Set(commands.flatMap(({ target }) => [target, templateOf(target)]));
  const final: Manifest = {
    ...finalManifest(desired, identity),
    pending: outdated.filter((unit) => !renewed.has(unit)),
  };
  const settled = work.length === 0 && late.length === 0 && same(observed.manifest, final);
  if (settled) return { apply: [], finish: [] };
  const intent: Manifest = { ...union(observed.manifest, final), userData: '', pending: outdated };
  const before = work.length === 0 ? [] : [record(intent, 'remembers what is about to change')];
  const after = record(final, 'remembers what coreup made');
  return late.length === 0
    ? { apply: [...before, ...work, after], finish: [] }
    : { apply: [...before, ...work], finish: [...late, after] };
}

/**
 * What is left of a cloud-config when all its entries have had their effect in order: of two files with one path the
 * later one, of two entries for one unit whether the later one masks it, and no unit file where the mask is.
 */
function settle(state: HostState): HostState {
  const masked = new Map(state.units.map((unit) => [unit.name, unit.mask]));
  const enabled = new Set(state.units.filter((unit) => unit.enable).map((unit) => unit.name));
  const units = new Map(state.units.map((unit) => [unit.name, unit]));
  const files = new Map(state.files.map((file) => [file.path, file]));
  for (const [name, mask] of masked) if (mask) files.delete(`/etc/systemd/system/${name}`);
  return {
    ...state,
    files: [...files.values()],
    units: [...units.values()].map((unit) => ({ ...unit, enable: enabled.has(unit.name) && !unit.mask })),
  };
}

function reloadStep(interrupted: boolean): Step {
  return step({ kind: 'daemon-reload' }, 'systemd', interrupted ? 'the last apply was cut short' : 'unit files change');
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
    const there = observed.users.get(user.name);
    if (!there) yield step({ kind: 'user-create', user }, user.name, 'there is no such user');
    if (user.passwordHash !== undefined && user.passwordHash !== there?.passwordHash) {
      const reason = there ? 'has another password' : 'the user is new';
      yield step({ kind: 'user-password', name: user.name, hash: user.passwordHash }, user.name, reason);
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
  for (const unit of desired.units.filter((entry) => entry.enable)) {
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

const RUNNING = new Set(['active', 'activating', 'reloading']);

function* commandSteps(
  commands: readonly UnitCommand[],
  observed: Observation,
  identity: Identity,
  { changed, outdated }: { readonly changed: ReadonlySet<string>; readonly outdated: readonly string[] },
): Generator<Step> {
  const applied = observed.manifest?.userData === identity.userData;
  for (const { unit, verb } of commands) {
    const names = [unit, templateOf(unit)];
    const there = observed.units.get(unit);
    const active = there?.active ?? 'inactive';
    const runs = RUNNING.has(active);
    // etcd reports itself started only once its cluster is there: waiting here for one member would block all.
    const wait = unit !== ETCD_UNIT;
    if (verb === 'start') {
      // A oneshot service is inactive again when it has done its work; it has been run for this user-data.
      const over =
        there?.type === 'oneshot' && active === 'inactive' && applied && !names.some((name) => changed.has(name));
      if (!runs && !over) yield step({ kind: 'unit-command', unit, verb, wait }, unit, `is ${active || 'not loaded'}`);
      else if (runs && names.some((name) => outdated.includes(name))) {
        yield step({ kind: 'unit-command', unit, verb: 'restart', wait }, unit, 'runs with files that have changed');
      }
    } else if (verb === 'stop') {
      if (runs) yield step({ kind: 'unit-command', unit, verb, wait }, unit, `is ${active}`);
    } else if (!applied) {
      yield step({ kind: 'unit-command', unit, verb, wait }, unit, 'the user-data is new on this host');
    }
  }
}

/**
 * Units that run, as far as is known, and were started before their files changed: in this plan or earlier. A template
 * stands for its instances.
 */
function outdatedUnits(changed: ReadonlySet<string>, observed: Observation): readonly string[] {
  return [...new Set([...(observed.manifest?.pending ?? []), ...changed])].sort().filter((unit) => {
    const there = observed.units.get(unit);
    return !there || RUNNING.has(there.active) || unit.includes('@.');
  });
}

/** Units whose unit file or drop-ins are among the changed files. */
function changedUnits(steps: readonly Step[]): ReadonlySet<string> {
  const units = steps.flatMap(({ target }) => {
    const found = /^\/(?:etc|run)\/systemd\/system\/([^/]+?)(?:\.d\/[^/]+)?$/.exec(target)?.[1];
    return found === undefined ? [] : [found];
  });
  return new Set(units);
}

/** `redis@.service` for `redis@1.service`; '' for what is no instance. */
function templateOf(unit: string): string {
  const [, prefix, suffix] = /^([^@]+@)[^@]*(\.[a-z]+)$/.exec(unit) ?? [];
  return prefix === undefined || suffix === undefined ? '' : prefix + suffix;
}

function touchesUnits(step: Step): boolean {
  return step.kind.startsWith('unit-') || step.target.includes('/systemd/system/');
}

function finalManifest(desired: HostState, identity: Identity): Omit<Manifest, 'pending'> {
  return {
    version: 1,
    cluster: identity.cluster,
    member: identity.member,
    userData: identity.userData,
    files: Object.fromEntries(desired.files.map((file) => [file.path, sha256(file.content)])),
    enabled: desired.units.filter((unit) => unit.enable).map((unit) => unit.name),
    masked: desired.units.filter((unit) => unit.mask).map((unit) => unit.name),
  };
}

/** Everything that is coreup's before or after: what an interrupted apply may leave behind. */
function union(before: Manifest | undefined, after: Manifest): Manifest {
  return {
    ...after,
    files: { ...before?.files, ...mergeSums(before?.files ?? {}, after.files) },
    enabled: [...new Set([...(before?.enabled ?? []), ...after.enabled])],
    masked: [...new Set([...(before?.masked ?? []), ...after.masked])],
  };
}

function mergeSums(before: Manifest['files'], after: Manifest['files']): Manifest['files'] {
  return Object.fromEntries(
    Object.entries(after).map(([path, sum]) => [
      path,
      [...new Set([...(before[path]?.split(' ') ?? []), sum])].join(' '),
    ]),
  );
}

function same(a: Manifest | undefined, b: Manifest): boolean {
  return a !== undefined && JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

function sorted(manifest: Manifest): unknown {
  return { ...manifest, files: Object.entries(manifest.files).sort() };
}
