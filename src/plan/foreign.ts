import { posix } from 'node:path';
import type { HostState } from '../cluster/host-state.js';
import { DEFAULT_UNIT, ETCD_UNIT } from '../etcd/service.js';
import { optionsOf, parseUnitFile } from '../units/unit-file.js';
import { wantsEtcd } from './adapt.js';
import { bringsEtcdService } from './adapt-etcd.js';
import { assignments } from './environment.js';
import type { Observation } from './observation.js';
import { unitOfFile } from './diff-units.js';
import { maskPath } from './persist.js';
import { allSteps, step, type HostPlan, type Step } from './step.js';

const ETC_UNITS = '/etc/systemd/system/';
/** Where people and programs put drop-ins; what a distribution brings is below /usr/lib. */
const DROP_IN = /^\/(?:etc|run)\/systemd\/system(?:\.control)?\/([^/]+)\.d\/([^/]+)$/;
/** What adopted things are called from then on; systemd reads no such names. */
export const ASIDE = '.before-coreup';

/** Something on a host that is not coreup's, and that the plan would overwrite or that would override the plan. */
export interface Foreign {
  readonly path: string;
  /** What it is and does; goes on after the path. */
  readonly what: string;
}

/** Unit files and drop-ins by others that the steps would overwrite. Other files are kept, and that is told of. */
export function overwritten(plan: HostPlan, { manifest, units, paths }: Observation): readonly Foreign[] {
  const masks = allSteps(plan).flatMap(({ action }) =>
    action.kind === 'unit-mask' && units.get(action.unit)?.fragment === maskPath(action.unit)
      ? [maskPath(action.unit)]
      : [],
  );
  // The link by which a unit that is enabled has another name, as Debian's etcd.service does, goes with `disable`.
  const isAlias = (path: string): boolean =>
    paths.get(path)?.type === 'link' && units.get(unitOfFile(path) ?? '')?.fragment !== path;
  return [...keptPaths(plan), ...masks]
    .filter((path) => path.startsWith(ETC_UNITS) && manifest?.files[path] === undefined && !isAlias(path))
    .map((path) => ({ path, what: `a ${DROP_IN.test(path) ? 'drop-in' : 'unit file'} that coreup did not write` }));
}

/** Files that are not coreup's, and that the steps put aside before they write their own. */
export function keptPaths(plan: HostPlan): readonly string[] {
  return allSteps(plan).flatMap(({ action }) =>
    action.kind === 'file-write' && action.keep === true ? [action.file.path] : [],
  );
}

/**
 * Drop-ins by others, for units that this state has files for: their settings come after coreup's where their names do
 * (systemd.unit(5)).
 */
export function foreignDropIns(
  paths: readonly string[],
  { dropIns, manifest }: Pick<Observation, 'dropIns' | 'manifest'>,
): readonly string[] {
  const own = new Set(paths.flatMap((path) => unitOf(path) ?? []));
  return dropIns.filter((path) => {
    const [, unit, name] = DROP_IN.exec(path) ?? [];
    // One of the same name under /etc takes the place of that under /run.
    const shadowed = paths.includes(`${ETC_UNITS}${unit}.d/${name}`);
    return unit !== undefined && own.has(unit) && !shadowed && manifest?.files[path] === undefined;
  });
}

/** Those of them that change something that coreup has set, with what that is. Their contents have been looked at. */
export function overriding({ files }: HostState, observed: Observation): readonly Foreign[] {
  const theirs = foreignDropIns(
    files.map(({ path }) => path),
    observed,
  );
  return theirs.flatMap((path): Foreign[] => {
    const set = settingsOf(observed.contents.get(path));
    const unit = unitOf(path);
    const before = files.filter((file) => {
      if (unitOf(file.path) !== unit) return false;
      return !DROP_IN.test(file.path) || posix.basename(file.path) < posix.basename(path);
    });
    const ours = new Set(before.flatMap(({ content }) => [...settingsOf(content)]));
    const both = [...set].filter((setting) => ours.has(setting));
    return both.length === 0 ? [] : [{ path, what: `a drop-in by somebody else that sets ${both.join(', ')} anew` }];
  });
}

/** What a unit file or drop-in sets: variables of `Environment=` by their names, everything else by its key. */
function settingsOf(content: Uint8Array | undefined): ReadonlySet<string> {
  const options = optionsOf(parseUnitFile(Buffer.from(content ?? []).toString()));
  return new Set(
    options.flatMap(({ key, value }) => (key === 'Environment' ? assignments(value).map(([name]) => name) : [key])),
  );
}

/** The unit whose file or drop-in this is. */
function unitOf(path: string): string | undefined {
  const dropIn = DROP_IN.exec(path)?.[1];
  if (dropIn !== undefined) return dropIn;
  return unitOfFile(path);
}

/** What becomes of a host whose foreign things are taken over. */
export interface Adoption {
  /** What stops, and data that goes: before the manifest says whose host it is, or an interruption would hide the rest. */
  readonly before: readonly Step[];
  /** Drop-ins that go: once the manifest says what has to restart then. */
  readonly after: readonly Step[];
  /** The host after them. */
  readonly observed: Observation;
}

/**
 * Takes over what is in the way: an etcd that coreup did not set up is stopped and disabled, its data, where coreup's are to
 * be, and drop-ins that override coreup's are put aside under another name. Nothing is deleted. Pure.
 *
 * @param state the adapted state
 */
export function adopt(state: HostState, observed: Observation, cluster: string): Adoption {
  const { manifest, data } = observed;
  const units = new Map(observed.units);
  const steps: Step[] = [];
  const stop = (unit: string, why: string): void => {
    const seen = units.get(unit);
    if (seen === undefined || !['active', 'activating'].includes(seen.active)) return;
    steps.push(step({ kind: 'unit-retire', unit }, unit, why));
    units.set(unit, { ...seen, active: 'inactive', sub: 'dead' });
  };
  const disable = (unit: string, why: string): void => {
    const seen = units.get(unit);
    if (seen?.fileState.startsWith('enabled') !== true) return;
    steps.push(step({ kind: 'unit-disable', unit }, unit, why));
    units.set(unit, { ...seen, fileState: 'disabled' });
  };
  const own = manifest !== undefined && manifest.cluster === cluster;
  const runsEtcd = wantsEtcd(state) && !bringsEtcdService(observed);
  if (runsEtcd) {
    stop(DEFAULT_UNIT, 'is an etcd that coreup did not set up; its data stay where they are');
    disable(DEFAULT_UNIT, 'would start again at the next boot');
  }
  const foreignData = own || (!runsEtcd && manifest === undefined) ? [] : data;
  const whose = manifest === undefined ? 'coreup did not make it' : `it belongs to the cluster ${manifest.cluster}`;
  if (foreignData.length > 0) {
    disable(ETCD_UNIT, 'would begin anew if the host booted before it has new settings');
    stop(ETCD_UNIT, `runs with other data: ${whose}`);
  }
  for (const directory of foreignData) {
    const path = `${directory}/member`;
    steps.push(step({ kind: 'put-aside', path }, path, `${whose}; it is kept as ${path}${ASIDE}`));
  }
  const inTheWay = overriding(state, observed);
  const after = inTheWay.map(({ path, what }) =>
    step({ kind: 'put-aside', path }, path, `is ${what}; it is kept as ${path}${ASIDE}`),
  );
  if (after.length > 0) after.push(step({ kind: 'daemon-reload' }, 'systemd', 'drop-ins are gone'));
  const gone = new Set(inTheWay.map(({ path }) => path));
  const pending = [...(manifest?.pending ?? []), ...[...gone].flatMap((path) => unitOf(path) ?? [])];
  return {
    before: steps,
    after,
    observed: {
      ...observed,
      units,
      dropIns: observed.dropIns.filter((path) => !gone.has(path)),
      data: data.filter((directory) => !foreignData.includes(directory)),
      // A unit that runs with a drop-in that is gone now has to restart.
      manifest: manifest === undefined || gone.size === 0 ? manifest : { ...manifest, pending },
    },
  };
}

/** The steps that take a host over, in their place among those that come from the comparison. */
export function withAdoption(
  { apply, finish }: HostPlan,
  { before, after }: Pick<Adoption, 'before' | 'after'>,
): HostPlan {
  const intent = apply.findIndex(({ kind }) => kind === 'record') + 1;
  return { apply: [...before, ...apply.slice(0, intent), ...after, ...apply.slice(intent)], finish };
}
