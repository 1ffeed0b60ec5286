import type { HostFile, HostState, HostUnit, UnitCommand } from '../cluster/host-state.js';
import { childOf, itemsOf, type CloudConfigDocument } from './nodes.js';
import { coreosFiles, coreosEdits, environmentEdit } from './interpret-coreos-files.js';
import { sectionDropIns, updateUnits } from './interpret-sections.js';
import { readUnits, type UnitEffects } from './interpret-units.js';
import { coreKeys, readUsers } from './interpret-users.js';
import { readWriteFiles } from './interpret-write-files.js';
import { Reader } from './reader.js';
import type { SubstitutionVars } from './substitute.js';
import { unitFilePath } from './unit-paths.js';

/** What a cloud-config leaves to the host. */
export interface HostContext {
  /** The host's addresses: coreos-cloudinit writes them into /etc/environment. */
  readonly vars?: SubstitutionVars;
  /** The name of the host where the document gives none (`manage_etc_hosts` writes it); `localhost` if absent. */
  readonly hostname?: string;
}

/**
 * What a cloud-config means on one host: the same paths, modes, bytes and order of units and commands as
 * coreos-cloudinit's initialize.Apply. The document is already substituted.
 *
 * @throws InputError for what makes coreos-cloudinit stop half-way (content that cannot be decoded, unreadable
 *   permissions, an unknown command …), and for keys that would be fetched from the network
 */
export function interpret(document: CloudConfigDocument, context: HostContext = {}): HostState {
  const reader = new Reader(document);
  const { root } = document;
  const coreos = childOf(root, 'coreos');
  const hostname = reader.string(root, 'hostname');
  const { users, authorizedKeys } = readUsers(reader, itemsOf(childOf(root, 'users')));
  const written = readWriteFiles(reader, itemsOf(childOf(root, 'write_files')));
  const effects: UnitEffects[] = [
    ...readUnits(reader, itemsOf(childOf(coreos, 'units'))),
    ...sectionDropIns(reader, coreos),
    ...updateUnits(reader, coreos),
  ];
  return {
    hostname: hostname === '' ? null : hostname,
    users,
    authorizedKeys: [...authorizedKeys, ...coreKeys(reader, root)],
    directories: [],
    files: [
      ...written,
      ...coreosFiles(reader, root, hostname === '' ? (context.hostname ?? 'localhost') : hostname),
      ...effects.flatMap(({ files }) => files),
    ],
    edits: [...coreosEdits(reader, coreos), ...environmentEdit(reader, root, context.vars ?? {})],
    units: effects.flatMap(({ unit }): HostUnit[] => (unit === undefined ? [] : [unit])),
    commands: commandsOf(effects),
  };
}

/** networkd is restarted once, before the commands, where a network unit is listed (even one without content). */
function commandsOf(effects: readonly UnitEffects[]): UnitCommand[] {
  const network = effects.find(({ restartsNetworkd }) => restartsNetworkd)?.unit;
  const restart: UnitCommand[] =
    network === undefined ? [] : [{ verb: 'restart', unit: 'systemd-networkd.service', origin: network.origin }];
  return [...restart, ...effects.flatMap(({ command }): UnitCommand[] => (command === undefined ? [] : [command]))];
}

/**
 * The files as they are in the end: of several with one path the last one, and none that a mask replaces with its link
 * to /dev/null. This is what a host can be compared with; `state.files` is the full story, in order.
 */
export function effectiveFiles(state: HostState): HostFile[] {
  const masked = new Set(
    state.units.filter(({ mask }) => mask).map(({ name, runtime }) => unitFilePath(name, runtime)),
  );
  const last = new Map<string, HostFile>();
  for (const file of state.files) {
    last.delete(file.path);
    if (!masked.has(file.path)) last.set(file.path, file);
  }
  return [...last.values()];
}
