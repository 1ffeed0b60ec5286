import type { HostState, UnitCommand } from '../cluster/host-state.js';
import { unitGroup } from '../cloud-config/unit-paths.js';
import { ETCD_UNIT } from '../etcd/service.js';
import type { StalePath } from './diff-paths.js';
import type { Observation } from './observation.js';
import { maskPath, NETWORKD } from './persist.js';
import { step, type Step } from './step.js';

const RUNNING = new Set(['active', 'activating', 'reloading']);
const UNIT_FILE = /^\/etc\/systemd\/system\/([^/]+)$/;
/** Where a distribution has the unit file that one under /etc overrides. */
const VENDOR_PLACES = ['/usr/lib/systemd/system/', '/lib/systemd/system/', '/usr/local/lib/systemd/system/'];

/**
 * Masks, and takes masks away that coreup made. A `runtime` unit that is listed without `mask` is also unmasked where
 * the mask is one for this boot, as in coreos-cloudinit's UnmaskUnit; other people's masks stay.
 */
export function* maskSteps(desired: HostState, observed: Observation): Generator<Step> {
  const own = new Set(observed.manifest?.masked);
  for (const unit of desired.units) {
    const seen = observed.units.get(unit.name);
    const runtime = seen?.fileState === 'masked-runtime';
    const masked =
      unitGroup(unit.name) === 'network'
        ? observed.paths.get(maskPath(unit.name))?.type === 'link'
        : seen?.load === 'masked' && !runtime;
    if (unit.mask && !masked) yield step({ kind: 'unit-mask', unit: unit.name }, unit.name, 'is not masked');
    if (!unit.mask && (masked || runtime) && (own.has(unit.name) || (unit.runtime && runtime))) {
      yield step({ kind: 'unit-unmask', unit: unit.name, ...(runtime ? { runtime } : {}) }, unit.name, 'is masked');
    }
  }
  const wanted = new Set(desired.units.map((unit) => unit.name));
  for (const name of own) {
    if (!wanted.has(name)) yield step({ kind: 'unit-unmask', unit: name }, name, 'is no longer in the user-data');
  }
}

/** Unit file states in which `enable` has nothing to do (systemctl(1), is-enabled). */
const CANNOT_ENABLE = new Set(['static', 'indirect', 'generated', 'transient', 'alias']);

/** @param rewritten unit files that are written in this plan, or may have been in one that was cut short */
export function* enableSteps(
  desired: HostState,
  observed: Observation,
  rewritten: ReadonlySet<string>,
): Generator<Step> {
  for (const unit of desired.units.filter((entry) => entry.enable)) {
    const state = observed.units.get(unit.name)?.fileState ?? '';
    if (state.startsWith('enabled')) {
      // Its [Install] section may ask for other links now.
      if (rewritten.has(unit.name)) {
        yield step({ kind: 'unit-reenable', unit: unit.name }, unit.name, 'is enabled by an older file');
      }
    } else if (!CANNOT_ENABLE.has(state)) {
      yield step({ kind: 'unit-enable', unit: unit.name }, unit.name, 'is not enabled');
    }
  }
}

/** Comes before the removal of unit files: systemctl cannot disable a unit whose file is gone. */
export function* disableSteps(desired: HostState, observed: Observation): Generator<Step> {
  const wanted = new Set(desired.units.filter((unit) => unit.enable).map((unit) => unit.name));
  for (const name of observed.manifest?.enabled ?? []) {
    if (!wanted.has(name))
      yield step({ kind: 'unit-disable', unit: name }, name, 'is no longer enabled by the user-data');
  }
}

/**
 * Stops units whose file is about to go, while systemd still knows how; what could start them again goes first. One that
 * the distribution brings too goes on running.
 */
export function* stopSteps(desired: HostState, observed: Observation, stale: readonly StalePath[]): Generator<Step> {
  const commanded = new Set(desired.commands.map((command) => command.unit));
  const names = stale.flatMap(({ path, fate }) => {
    const name = UNIT_FILE.exec(path)?.[1];
    return name === undefined || fate !== 'remove' || commanded.has(name) || isVendored(name, observed) ? [] : [name];
  });
  const rank = (name: string): number => (/\.(timer|socket|path)$/.test(name) ? 0 : 1);
  for (const name of names.sort((a, b) => rank(a) - rank(b))) {
    const template = name.includes('@.');
    const active = observed.units.get(name)?.active ?? 'inactive';
    if (!template && active === 'inactive') continue;
    const unit = template ? name.replace('@.', '@*.') : name;
    const reason = `${template ? 'the template' : 'its unit file'} is no longer in the user-data`;
    yield step({ kind: 'unit-retire', unit }, name, reason);
  }
}

function isVendored(name: string, { paths }: Observation): boolean {
  return vendorPaths(name).some((path) => paths.has(path));
}

/** Where to look whether the distribution brings a unit. */
export function vendorPaths(name: string): string[] {
  return VENDOR_PLACES.map((place) => place + name);
}

/** The unit whose file this is, if it is one. */
export function unitOfFile(path: string): string | undefined {
  return UNIT_FILE.exec(path)?.[1];
}

/** networkd reads its files when it starts. */
export function* networkSteps(observed: Observation, outdated: readonly string[]): Generator<Step> {
  if (!outdated.includes(NETWORKD) || !RUNNING.has(observed.units.get(NETWORKD)?.active ?? '')) return;
  const action = { kind: 'unit-command', unit: NETWORKD, verb: 'restart', wait: true } as const;
  yield step(action, NETWORKD, 'runs with network files that have changed');
}

export function* commandSteps(
  commands: readonly UnitCommand[],
  observed: Observation,
  applied: boolean,
  { changed, outdated }: { readonly changed: ReadonlySet<string>; readonly outdated: readonly string[] },
): Generator<Step> {
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
export function outdatedUnits(changed: ReadonlySet<string>, observed: Observation): readonly string[] {
  return [...new Set([...(observed.manifest?.pending ?? []), ...changed])].sort().filter((unit) => {
    const there = observed.units.get(unit);
    return !there || RUNNING.has(there.active) || unit.includes('@.');
  });
}

/** Units whose unit file or drop-ins are among the changed files. */
export function changedUnits(steps: readonly Step[]): ReadonlySet<string> {
  const units = steps.flatMap(({ target }) => {
    if (target.startsWith('/etc/systemd/network/')) return [NETWORKD];
    const found = /^\/(?:etc|run)\/systemd\/system\/([^/]+?)(?:\.d\/[^/]+)?$/.exec(target)?.[1];
    return found === undefined ? [] : [found];
  });
  return new Set(units);
}

/** `redis@.service` for `redis@1.service`; '' for what is no instance. */
export function templateOf(unit: string): string {
  const [, prefix, suffix] = /^([^@]+@)[^@]*(\.[a-z]+)$/.exec(unit) ?? [];
  return prefix === undefined || suffix === undefined ? '' : prefix + suffix;
}
