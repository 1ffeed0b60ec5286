import type { HostState } from '../cluster/host-state.js';
import { TLS_FILES } from '../etcd/transport.js';
import { unitGroup } from '../cloud-config/unit-paths.js';
import { ADDED_PATHS, ADDED_UNITS, etcdDirectories } from './adapt.js';
import { etcdPaths, type EtcdWish } from './adapt-etcd.js';
import { fleetPaths, type FleetWish } from './adapt-fleet.js';
import { isEtcdDropIn } from './bootstrap-only.js';
import { EDIT_TEMPLATES } from './diff-edits.js';
import { ancestors } from './diff-paths.js';
import { unitOfFile, vendorPaths } from './diff-units.js';
import { foreignDropIns } from './foreign.js';
import type { Observation, Question } from './observation.js';
import { maskPath } from './persist.js';

/** What must be known of a host before it can be compared with this state. */
export function questionFor(desired: HostState, fleet?: FleetWish, etcd?: EtcdWish): Question {
  const units = [...desired.units.map((unit) => unit.name), ...desired.commands.map((command) => command.unit)];
  const users = [...desired.users.map((user) => user.name), ...desired.authorizedKeys.map((keys) => keys.user), 'etcd'];
  const dataDirs = etcdDirectories(desired);
  const placed = [...desired.files.map((file) => file.path), ...desired.edits.map((edit) => edit.path)];
  return {
    paths: unique([
      ...placed,
      ...placed.flatMap(ancestors),
      ...desired.directories.map((directory) => directory.path),
      ...units.filter(isNetwork).map(maskPath),
      ...dataDirs,
      ...ADDED_PATHS,
      ...[...(fleet ? fleetPaths(fleet) : []), ...etcdPaths(etcd)].flatMap((path) => [path, ...ancestors(path)]),
    ]),
    contents: unique([
      ...withTemplates(desired.edits.map((edit) => edit.path)),
      ...desired.files.map((file) => file.path).filter((path) => isEtcdDropIn(path) || path === TLS_FILES.ca),
    ]),
    units: unique([...units.filter((unit) => !isNetwork(unit)), ...ADDED_UNITS]),
    users: unique(users),
    dataDirs,
    ...(etcd?.kind === 'package' ? { apt: true } : {}),
  };
}

/**
 * What must be known besides, once the host's manifest and units are: everything that an earlier user-data left there, and
 * drop-ins by others.
 *
 * @returns undefined if the first question has asked for all of it
 */
export function followUp(first: Question, observed: Pick<Observation, 'manifest' | 'dropIns'>): Question | undefined {
  const { manifest } = observed;
  const dropIns = foreignDropIns(first.paths, observed);
  if (!manifest && dropIns.length === 0) return undefined;
  const files = Object.keys(manifest?.files ?? {});
  const stale = files.filter((path) => !first.paths.includes(path)).flatMap((path) => unitOfFile(path) ?? []);
  const more: Question = {
    paths: unique([...first.paths, ...files, ...(manifest?.directories ?? []), ...stale.flatMap(vendorPaths)]),
    contents: unique([
      ...first.contents,
      ...withTemplates(Object.keys(manifest?.edits ?? {})),
      ...files.filter(isEtcdDropIn),
      ...dropIns,
    ]),
    units: unique([...first.units, ...stale]),
    users: unique([...first.users, ...Object.keys(manifest?.keys ?? {})]),
    dataDirs: first.dataDirs,
    ...(first.apt ? { apt: true } : {}),
  };
  const paths = unique([...more.paths, ...more.contents]);
  const size = ({ paths, contents, units, users }: Question): number =>
    paths.length + contents.length + units.length + users.length;
  return size(more) === size(first) ? undefined : { ...more, paths };
}

function withTemplates(edits: readonly string[]): readonly string[] {
  return unique(edits.flatMap((path) => [path, ...(EDIT_TEMPLATES[path] === undefined ? [] : [EDIT_TEMPLATES[path]])]));
}

function isNetwork(unit: string): boolean {
  return unitGroup(unit) === 'network';
}

function unique(items: readonly string[]): readonly string[] {
  return [...new Set(items)];
}
