import type { HostUnit } from '../cluster/host-state.js';
import type { Setting } from '../util/setting.js';
import { systemFile, type UnitEffects } from './interpret-units.js';
import { childOf, type ConfigNode } from './nodes.js';
import type { Reader } from './reader.js';
import { boolOf, floatText, intText, stringOf } from './scalars.js';
import { DROP_IN_SECTIONS } from './sections.js';
import { dropInPath } from './unit-paths.js';

/** The name of every drop-in that a section becomes. */
export const SECTION_DROP_IN = '20-cloudinit.conf';

/** `NAME=value` for each setting that has a value other than zero, in declaration order. Nothing is escaped. */
export function environmentOf(settings: readonly Setting[], section: ConfigNode | undefined): string[] {
  return settings.flatMap((setting) => {
    const value = textOf(setting, childOf(section, setting.key));
    return value === undefined ? [] : [`${setting.env}=${value}`];
  });
}

/** A value as Go prints it, or undefined where it is absent, zero, or not of the type. */
function textOf({ type }: Setting, node: ConfigNode | undefined): string | undefined {
  switch (type) {
    case 'bool':
      return boolOf(node) ? 'true' : undefined;
    case 'int':
      return intText(node);
    case 'float':
      return floatText(node);
    case 'string':
      return stringOf(node) === '' ? undefined : stringOf(node);
  }
}

/** coreos.etcd, etcd2, fleet and locksmith: one drop-in each; none for a section without values. */
export function sectionDropIns(reader: Reader, coreos: ConfigNode | undefined): UnitEffects[] {
  return DROP_IN_SECTIONS.flatMap(({ section, unit, settings }): UnitEffects[] => {
    const lines = environmentOf(settings, childOf(coreos, section));
    if (lines.length === 0) return [];
    const content = `[Service]\n${lines.map((line) => `Environment="${line}"\n`).join('')}`;
    const origin = reader.originOfKey(coreos, section, `coreos.${section}`);
    return [{ files: [systemFile(dropInPath(unit, SECTION_DROP_IN, true), content, origin)], restartsNetworkd: false }];
  });
}

/** coreos.update: a strategy restarts locksmithd (`off` stops and masks it), a group or server restarts update-engine. */
export function updateUnits(reader: Reader, coreos: ConfigNode | undefined): UnitEffects[] {
  const update = childOf(coreos, 'update');
  const origin = (key: string): HostUnit['origin'] => reader.originOfKey(update, key, `coreos.update.${key}`);
  const effects: UnitEffects[] = [];
  const strategy = reader.string(update, 'reboot_strategy');
  if (strategy !== '') {
    const off = strategy === 'off';
    effects.push(restart('locksmithd.service', { mask: off, runtime: true }, off, origin('reboot_strategy')));
  }
  const engineKey = ['group', 'server'].find((key) => reader.string(update, key) !== '');
  if (engineKey !== undefined) {
    effects.push(restart('update-engine.service', { mask: false, runtime: false }, false, origin(engineKey)));
  }
  return effects;
}

function restart(
  name: string,
  { mask, runtime }: Pick<HostUnit, 'mask' | 'runtime'>,
  stop: boolean,
  origin: HostUnit['origin'],
): UnitEffects {
  return {
    files: [],
    unit: { name, mask, enable: false, runtime, origin },
    command: { verb: stop ? 'stop' : 'restart', unit: name, origin },
    restartsNetworkd: false,
  };
}
