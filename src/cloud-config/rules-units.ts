import { NETWORK_SUFFIXES, splitUnitName, SYSTEMD_SUFFIXES, unitNameFault } from '../units/unit-name.js';
import { optionsOf, parseUnitFile } from '../units/unit-file.js';
import type { Found } from './finding.js';
import { isKnownUnit } from './known-units.js';
import { childOf } from './nodes.js';
import { listItems, type ConfigRule, type ListItem, type RuleContext } from './rule.js';
import { unitContent } from './rules-unit-content.js';
import { boolOf, stringOf } from './scalars.js';
import { unitGroup } from './unit-paths.js';

const SUFFIXES = [...SYSTEMD_SUFFIXES, ...NETWORK_SUFFIXES];
const text = ({ node }: ListItem, key: string): string => stringOf(childOf(node, key));
const flag = ({ node }: ListItem, key: string): boolean => boolOf(childOf(node, key));
const place = ({ node }: ListItem, key: string): number => (childOf(node, key) ?? node).start;
const dropIns = ({ node, path }: ListItem): ListItem[] => listItems(childOf(node, 'drop_ins'), `${path}.drop_ins`);

const names: ConfigRule = {
  name: 'unit-name',
  check: ({ units }) =>
    units.flatMap((item): Found[] => {
      const name = text(item, 'name');
      if (item.node.kind !== 'mapping' || name.includes('$')) return [];
      const fault = unitNameFault(name, SUFFIXES);
      if (fault === undefined) return [];
      return [
        {
          severity: name === '' ? 'warning' : 'error',
          offset: place(item, 'name'),
          path: `${item.path}.name`,
          message:
            name === ''
              ? 'a unit without a name is skipped'
              : `${JSON.stringify(name)} is no name for a unit: ${fault}`,
          hint: 'Name it "string.suffix" or "string@instance.suffix", such as etcd2.service.',
        },
      ];
    }),
};

const dropInNames: ConfigRule = {
  name: 'drop-in-name',
  check: ({ units }) =>
    units.flatMap(dropIns).flatMap((item): Found[] => {
      const name = text(item, 'name');
      if (item.node.kind !== 'mapping' || (name.endsWith('.conf') && !name.includes('/') && name !== '.conf'))
        return [];
      return [
        {
          severity: 'warning',
          offset: place(item, 'name'),
          path: `${item.path}.name`,
          message:
            name === ''
              ? 'a drop-in without a name is skipped'
              : `systemd reads only drop-ins whose name ends in .conf; found ${JSON.stringify(name)}`,
          hint: `Name it "${name === '' ? '10-local' : name.replace(/^.*\//, '').replace(/\.[^.]*$/, '')}.conf".`,
        },
      ];
    }),
};

const emptyDropIns: ConfigRule = {
  name: 'drop-in-empty',
  check: ({ units }) =>
    units
      .flatMap(dropIns)
      .filter((item) => item.node.kind === 'mapping' && text(item, 'content') === '' && text(item, 'name') !== '')
      .map((item) => ({
        severity: 'warning',
        offset: item.node.start,
        path: `${item.path}.content`,
        message: `the drop-in ${text(item, 'name')} has no content, so it is not written`,
        hint: 'Give it content, or delete it.',
      })),
};

const duplicates: ConfigRule = {
  name: 'unit-duplicate',
  check: ({ units, document }) => {
    const first = new Map<string, ListItem>();
    return units.flatMap((item): Found[] => {
      const name = text(item, 'name');
      const earlier = first.get(name);
      if (name === '') return [];
      first.set(name, earlier ?? item);
      if (earlier === undefined) return [];
      return [
        {
          severity: 'warning',
          offset: place(item, 'name'),
          path: `${item.path}.name`,
          message: `${name} is already listed on line ${document.position(place(earlier, 'name')).line}; both entries are carried out, in order`,
          hint: 'Put everything about one unit into one entry.',
        },
      ];
    });
  },
};

const provided: ConfigRule = {
  name: 'unit-unknown',
  check: (context) => {
    const given = providedUnits(context);
    return context.units.flatMap((item): Found[] => {
      const name = text(item, 'name');
      const verb = text(item, 'command');
      if (verb === '' || verb === 'stop' || name.includes('$')) return [];
      if (isProvided(name, given) || unitGroup(name) === 'network' || isKnownUnit(name)) return [];
      if (context.options.knownUnits !== undefined && isProvided(name, context.options.knownUnits)) return [];
      if (unitNameFault(name, SUFFIXES) !== undefined) return [];
      return [
        {
          severity: 'warning',
          offset: place(item, 'command'),
          path: `${item.path}.command`,
          message: `"${verb}" for ${name}, a unit that nothing here provides and neither systemd nor CoreOS brings along`,
          hint: 'Give it content, or check the spelling; if the hosts have it, this is fine.',
        },
      ];
    });
  },
};

/** Units with content of their own, or written by write_files. */
function providedUnits({ units, writeFiles }: RuleContext): ReadonlySet<string> {
  const written = writeFiles.map(
    (item) => /^\/+(?:etc|run|usr\/lib|lib)\/systemd\/system\/([^/]+)$/.exec(text(item, 'path'))?.[1] ?? '',
  );
  return new Set([
    ...units.filter((item) => text(item, 'content') !== '').map((item) => text(item, 'name')),
    ...written,
  ]);
}

function isProvided(name: string, units: ReadonlySet<string>): boolean {
  if (units.has(name)) return true;
  const { prefix, instance, suffix } = splitUnitName(name);
  return instance !== null && units.has(`${prefix}@.${suffix}`);
}

const masks: ConfigRule = {
  name: 'unit-mask',
  check: ({ units }) =>
    units.flatMap((item): Found[] => {
      if (!flag(item, 'mask')) return [];
      const name = text(item, 'name');
      const at = { severity: 'warning' as const, offset: place(item, 'mask'), path: `${item.path}.mask` };
      const found: Found[] = [];
      if (text(item, 'content') !== '') {
        found.push({
          ...at,
          message: 'mask removes the unit file that content has just written',
          hint: 'Delete one of the two.',
        });
      }
      if (!['', 'stop'].includes(text(item, 'command')) || flag(item, 'enable')) {
        found.push({
          ...at,
          message: 'a masked unit can be neither started nor enabled: carrying this out stops with an error',
          hint: 'Leave out mask, or command and enable.',
        });
      }
      if (
        flag(item, 'runtime') &&
        ['etcd.service', 'etcd2.service', 'fleet.service', 'locksmithd.service'].includes(name)
      ) {
        found.push({
          ...at,
          message: `coreos-cloudinit unmasks ${name} again when it comes to its own section`,
          hint: 'Leave out "runtime: true".',
        });
      }
      return found;
    }),
};

const nothingToEnable: ConfigRule = {
  name: 'unit-enable',
  check: ({ units }) =>
    units.flatMap((item): Found[] => {
      const content = text(item, 'content');
      if (!flag(item, 'enable') || content === '' || unitGroup(text(item, 'name')) === 'network') return [];
      const file = parseUnitFile(content);
      if (
        ['WantedBy', 'RequiredBy', 'UpheldBy', 'Alias', 'Also'].some(
          (key) => optionsOf(file, 'Install', key).length > 0,
        )
      )
        return [];
      return [
        {
          severity: 'warning',
          offset: place(item, 'enable'),
          path: `${item.path}.enable`,
          message: 'the unit has no [Install] section, so there is nothing to enable and it does not start at boot',
          hint: 'Add "[Install]" with "WantedBy=multi-user.target".',
        },
      ];
    }),
};

const networkKeys: ConfigRule = {
  name: 'unit-network',
  check: ({ units }) =>
    units
      .filter(
        (item) => unitGroup(text(item, 'name')) === 'network' && (text(item, 'command') !== '' || flag(item, 'enable')),
      )
      .map((item) => ({
        severity: 'info',
        offset: place(item, text(item, 'command') === '' ? 'enable' : 'command'),
        path: item.path,
        message: `command and enable mean nothing for ${text(item, 'name')}: systemd-networkd is restarted instead`,
        hint: 'Delete them.',
      })),
};

export const UNIT_RULES: readonly ConfigRule[] = [
  names,
  dropInNames,
  emptyDropIns,
  duplicates,
  provided,
  masks,
  nothingToEnable,
  networkKeys,
  unitContent,
];
