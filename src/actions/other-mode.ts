import { childOf } from '../cloud-config/nodes.js';
import { parseCloudConfig } from '../cloud-config/parse.js';
import { BOOTSTRAP_KEYS } from '../discovery/mode.js';
import { memberSettings } from '../discovery/settings.js';
import type { Base } from '../render/user-data.js';
import type { Issue } from './issue.js';
import type { Project } from './project.js';

const MODE_OF = {
  discovery: "{ mode: 'public' } or { mode: 'custom' }",
  'discovery-srv': "{ mode: 'dns', domain: '…' }",
  'initial-cluster': "{ mode: 'static' }",
} as const;

/** Keys of a user-data that belong to another way of discovery than config.ts names, and that members do not get. */
export function otherModeIssues(base: Base, { cluster, config, discovery, discoveryState }: Project): readonly Issue[] {
  const member = cluster.members.find(({ role }) => role === 'etcd');
  if (base.kind === 'template' || !member || discoveryState?.membership !== undefined) return [];
  const settings = memberSettings(discovery, cluster)(member, undefined).etcd2;
  const document = parseCloudConfig(base);
  const section = childOf(childOf(document.root ?? undefined, 'coreos'), 'etcd2');
  return BOOTSTRAP_KEYS.flatMap((key): Issue[] => {
    const entry = section?.kind === 'mapping' ? section.byKey.get(key.replaceAll('-', '_')) : undefined;
    if (entry === undefined || settings?.[key] !== null) return [];
    const { line, column } = document.position(entry.keyStart);
    return [
      {
        file: base.file,
        line,
        column,
        severity: 'warning',
        message: `${key} is left out: config.ts says that members find each other by mode "${config.discovery.mode}"`,
        path: `coreos.etcd2.${key}`,
        hint: `Write discovery: ${MODE_OF[key]} in config.ts if this is how; otherwise delete the key here.`,
        rule: 'discovery-mode',
      },
    ];
  });
}
