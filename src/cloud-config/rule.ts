import type { SubstitutionVars } from './substitute.js';
import type { Found } from './finding.js';
import { childOf, itemsOf, type CloudConfigDocument, type ConfigNode, type MappingNode } from './nodes.js';

/** What a cloud-config is checked against. */
export interface ValidateOptions {
  /** The values of the substitution variables, where they are known: one that is used without a value is an error. */
  readonly vars?: SubstitutionVars;
  /** The version of etcd on the hosts (`2.3`, `3.4.23` …): settings it would ignore or refuse are found. */
  readonly etcdVersion?: string;
  /** Units that the hosts have, beyond those of systemd and CoreOS; with templates by their own name (`a@.service`). */
  readonly knownUnits?: ReadonlySet<string>;
}

/** What every rule looks at. */
export interface RuleContext {
  readonly document: CloudConfigDocument;
  readonly root: MappingNode | null;
  readonly coreos: ConfigNode | undefined;
  readonly units: readonly ListItem[];
  readonly writeFiles: readonly ListItem[];
  readonly users: readonly ListItem[];
  readonly options: ValidateOptions;
}

/** A small named check. */
export interface ConfigRule {
  readonly name: string;
  readonly check: (context: RuleContext) => Found[];
}

/** An item of a list, with its path. */
export interface ListItem {
  readonly node: ConfigNode;
  readonly path: string;
}

export function ruleContext(document: CloudConfigDocument, options: ValidateOptions): RuleContext {
  const { root } = document;
  const coreos = childOf(root, 'coreos');
  return {
    document,
    root,
    coreos,
    units: listItems(childOf(coreos, 'units'), 'coreos.units'),
    writeFiles: listItems(childOf(root, 'write_files'), 'write_files'),
    users: listItems(childOf(root, 'users'), 'users'),
    options,
  };
}

export function listItems(node: ConfigNode | undefined, path: string): ListItem[] {
  return itemsOf(node).map((item, index) => ({ node: item, path: `${path}[${index}]` }));
}
