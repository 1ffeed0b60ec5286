import type { HostState } from '../cluster/host-state.js';
import { DEFAULT_UNIT, ETCD_UNIT } from '../etcd/service.js';
import { FLEET_UNITS } from './adapt-fleet.js';
import { wantsEtcd } from './adapt.js';
import { bringsEtcdService } from './adapt-etcd.js';
import { isBootstrapOnly } from './bootstrap-only.js';
import { planEdits } from './diff-edits.js';
import { directoryRemovals, directorySteps, fileSteps, stalePaths, staleSteps } from './diff-paths.js';
import {
  changedUnits,
  commandSteps,
  disableSteps,
  enableSteps,
  maskSteps,
  networkSteps,
  outdatedUnits,
  stopSteps,
  templateOf,
  unitOfFile,
} from './diff-units.js';
import { planKeys, userSteps } from './diff-users.js';
import type { Manifest } from './manifest.js';
import type { Observation } from './observation.js';
import { maskPath } from './persist.js';
import { finalManifest, intentManifest, sameManifest, type Identity } from './remember.js';
import { step, type HostPlan, type Step } from './step.js';

export type { Identity } from './remember.js';

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
  const before = observed.manifest;
  // An apply that was cut short may have written unit files without telling systemd.
  const interrupted = before?.userData === '';
  const files = [...fileSteps(desired, observed)];
  const edits = planEdits(desired, observed);
  const keys = planKeys(desired, observed);
  const stale = stalePaths(desired, observed);
  const removals = [...staleSteps(stale, before)];
  const stops = [...stopSteps(desired, observed, stale)];
  const disables = [...defaultInstanceSteps(desired, observed), ...disableSteps(desired, observed)];
  const links = [...maskSteps(desired, observed)];
  const changed = changedUnits([...files, ...removals].filter((step) => !isBootstrapOnly(step, observed)));
  const written = (interrupted ? desired.files : files.map(({ target }) => ({ path: target }))).map(({ path }) => path);
  const enables = [...enableSteps(desired, observed, new Set(written.flatMap((path) => unitOfFile(path) ?? [])))];
  const reload = interrupted || [...files, ...removals, ...links, ...enables, ...disables].some(touchesUnits);
  const outdated = outdatedUnits(changed, observed);
  const commands = [
    ...networkSteps(observed, outdated),
    ...commandSteps(desired.commands, observed, before?.userData === identity.userData, { changed, outdated }),
  ];

  const etcd = commands.findIndex((step) => step.target === ETCD_UNIT);
  // fleet is nothing without a healthy etcd, also where etcd has nothing to do.
  const late = commands.filter(({ target }, at) => (etcd !== -1 && at > etcd) || FLEET_UNITS.includes(target));
  const early = commands.filter((command) => !late.includes(command));
  const work = [
    ...hostnameStep(desired, observed),
    ...userSteps(desired, observed),
    ...keys.steps,
    ...packageSteps(desired),
    ...directorySteps(desired, observed),
    ...stops,
    ...disables,
    ...files,
    ...edits.steps,
    ...removals,
    ...directoryRemovals(desired, observed),
    ...links,
    ...enables,
    ...(reload ? [reloadStep(interrupted)] : []),
    ...early,
  ];

  const renewed = new Set([
    ...commands.flatMap(({ target }) => [target, templateOf(target)]),
    ...outdated.filter((unit) => stops.some(({ target }) => target === unit || target === templateOf(unit))),
  ]);
  const final = finalManifest(desired, observed, identity, files, {
    edits: edits.edits,
    keys: keys.keys,
    pending: outdated.filter((unit) => !renewed.has(unit)),
  });
  if (work.length === 0 && late.length === 0 && sameManifest(before, final)) return { apply: [], finish: [] };
  const intent = record(intentManifest(before, final, outdated), 'remembers what is about to change');
  const start = work.length === 0 ? [] : [intent];
  const end = record(final, 'remembers what coreup made');
  return late.length === 0
    ? { apply: [...start, ...work, end], finish: [] }
    : { apply: [...start, ...work], finish: [...late, end] };
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
  for (const [name, mask] of masked) if (mask) files.delete(maskPath(name));
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

/** After users: a package whose user is there already takes that one. */
function* packageSteps({ packages = [] }: HostState): Generator<Step> {
  for (const { names, provides } of packages) {
    const version = /^\d+\.\d+/.exec(provides.version?.text ?? '')?.[0] ?? '';
    const action = { kind: 'package-install', names, unit: DEFAULT_UNIT, program: provides.path, version } as const;
    yield step(action, names.join(' '), `${provides.path} is missing`);
  }
}

/** The etcd that Debian's package starts by itself would take the ports, now or at the next boot. */
function* defaultInstanceSteps(desired: HostState, observed: Observation): Generator<Step> {
  const named = [...desired.commands.map(({ unit }) => unit), ...desired.units.map(({ name }) => name)];
  if (!wantsEtcd(desired) || bringsEtcdService(observed) || named.includes(DEFAULT_UNIT)) return;
  const { active = '', fileState = '' } = observed.units.get(DEFAULT_UNIT) ?? {};
  if (active === 'active' || active === 'activating') {
    yield step(
      { kind: 'unit-retire', unit: DEFAULT_UNIT },
      DEFAULT_UNIT,
      "is the package's own etcd, and holds nothing",
    );
  }
  if (fileState === 'enabled') {
    yield step(
      { kind: 'unit-disable', unit: DEFAULT_UNIT },
      DEFAULT_UNIT,
      "would start the package's own etcd at boot",
    );
  }
}

function touchesUnits(step: Step): boolean {
  return step.kind.startsWith('unit-') || step.target.includes('/systemd/system/');
}
