import { lintUnit } from '../units/lint.js';
import { parseUnitFile } from '../units/unit-file.js';
import { NETWORK_SUFFIXES, splitUnitName, SYSTEMD_SUFFIXES } from '../units/unit-name.js';
import { offsetsInContent } from './content-position.js';
import type { Found } from './finding.js';
import { childOf, type ConfigNode } from './nodes.js';
import { listItems, type ConfigRule, type ListItem, type RuleContext } from './rule.js';
import { stringOf } from './scalars.js';

const SUFFIXES: readonly string[] = [...SYSTEMD_SUFFIXES, ...NETWORK_SUFFIXES];
const text = ({ node }: ListItem, key: string): string => stringOf(childOf(node, key));

/** What the linter finds in the contents, at their places in the document. */
export const unitContent: ConfigRule = {
  name: 'unit-content',
  check: (context) => [
    ...context.units.flatMap((item) => {
      const name = text(item, 'name');
      return [
        ...lintContent(context, item, name, false),
        ...listItems(childOf(item.node, 'drop_ins'), `${item.path}.drop_ins`).flatMap((dropIn) =>
          lintContent(context, dropIn, name, true),
        ),
      ];
    }),
    ...context.writeFiles.flatMap((item) => {
      const match = /^\/+(?:etc|run)\/systemd\/system\/([^/]+\.[a-z]+)(?:\.d\/[^/]+\.conf)?$/.exec(text(item, 'path'));
      const encoded = text(item, 'encoding') !== '';
      return match?.[1] === undefined || encoded
        ? []
        : lintContent(context, item, match[1], match[0].endsWith('.conf'));
    }),
  ],
};

function lintContent({ document }: RuleContext, item: ListItem, name: string, dropIn: boolean): Found[] {
  const node: ConfigNode | undefined = childOf(item.node, 'content');
  const content = stringOf(node);
  if (node === undefined || content.trim() === '' || !SUFFIXES.includes(splitUnitName(name).suffix)) return [];
  const findings = lintUnit(content, { name, dropIn }).filter(({ rule }) => rule !== 'unit-name');
  const offsetAt = findings.length === 0 ? () => node.start : offsetsInContent(document, node);
  const found = findings.map<Found>(({ rule, severity, line, column, message, hint }) => ({
    rule,
    severity,
    offset: offsetAt(line, column),
    path: `${item.path}.content`,
    message,
    hint,
  }));
  const fleet =
    content.includes('[X-Fleet]') &&
    parseUnitFile(content).items.some((each) => each.kind === 'section' && each.name === 'X-Fleet');
  if (fleet) {
    found.push({
      severity: 'info',
      offset: node.start,
      path: `${item.path}.content`,
      message: '[X-Fleet] means nothing in a unit that systemd runs directly',
      hint: 'Give the unit to fleet (services of config.ts) to have it scheduled.',
    });
  }
  return found;
}
