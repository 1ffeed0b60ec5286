import type { HostFile, HostUnit, UnitCommand, UnitVerb } from '../cluster/host-state.js';
import { childOf, itemsOf, type ConfigNode } from './nodes.js';
import type { Reader } from './reader.js';
import { stringOf } from './scalars.js';
import { dropInPath, unitFilePath, unitGroup } from './unit-paths.js';

export const UNIT_VERBS: readonly UnitVerb[] = [
  'start',
  'stop',
  'restart',
  'reload',
  'try-restart',
  'reload-or-restart',
  'reload-or-try-restart',
];

/** What one unit brings to a host. */
export interface UnitEffects {
  readonly files: readonly HostFile[];
  /** Absent for a section that only writes a drop-in. */
  readonly unit?: HostUnit;
  readonly command?: UnitCommand;
  readonly restartsNetworkd: boolean;
}

/** `coreos.units[]`, in order; one without a name is skipped. */
export function readUnits(reader: Reader, items: readonly ConfigNode[]): UnitEffects[] {
  return items.flatMap((item, index): UnitEffects[] => {
    const name = reader.string(item, 'name');
    return name === '' ? [] : [readUnit(reader, item, name, `coreos.units[${index}]`)];
  });
}

function readUnit(reader: Reader, item: ConfigNode, name: string, key: string): UnitEffects {
  const runtime = reader.bool(item, 'runtime');
  const network = unitGroup(name) === 'network';
  const origin = reader.origin(key, item);
  const unit: HostUnit = {
    name,
    mask: reader.bool(item, 'mask'),
    // networkd's files cannot be enabled; coreos-cloudinit skips that, and their commands.
    enable: reader.bool(item, 'enable') && !network,
    runtime,
    origin,
  };
  const content = reader.string(item, 'content');
  const file = systemFile(unitFilePath(name, runtime), content, origin);
  const files = [...(content === '' ? [] : [file]), ...dropIns(reader, item, unit, key)];
  const verb = network ? undefined : verbOf(reader, item);
  const command: UnitCommand | undefined = verb && { verb, unit: name, origin };
  return { files, unit, restartsNetworkd: network, ...(command === undefined ? {} : { command }) };
}

function dropIns(reader: Reader, item: ConfigNode, unit: HostUnit, key: string): HostFile[] {
  return itemsOf(childOf(item, 'drop_ins')).flatMap((dropIn, index): HostFile[] => {
    const name = reader.string(dropIn, 'name');
    const content = reader.string(dropIn, 'content');
    if (name === '' || content === '') return [];
    const origin = reader.origin(`${key}.drop_ins[${index}]`, dropIn);
    return [systemFile(dropInPath(unit.name, name, unit.runtime), content, origin)];
  });
}

function verbOf(reader: Reader, item: ConfigNode): UnitVerb | undefined {
  const node = childOf(item, 'command');
  const text = stringOf(node);
  if (node === undefined || text === '') return undefined;
  const verb = UNIT_VERBS.find((known) => known === text);
  if (verb !== undefined) return verb;
  throw reader.problem(
    node,
    `${JSON.stringify(text)} is no command for a unit`,
    'UNIT_COMMAND',
    `Use one of ${UNIT_VERBS.join(', ')}; to have the unit started at every boot, add "enable: true".`,
  );
}

/** A file as coreos-cloudinit writes it by itself: 0644, root's. */
export function systemFile(path: string, content: string, origin: HostFile['origin']): HostFile {
  return { path, mode: 0o644, owner: null, content: Buffer.from(content, 'utf8'), origin };
}
