import { editCloudConfig, type Edit } from '../cloud-config/edit.js';
import { childOf, type CloudConfigDocument } from '../cloud-config/nodes.js';
import { parseCloudConfig } from '../cloud-config/parse.js';
import { stringOf } from '../cloud-config/scalars.js';
import type { Cluster, Member } from '../cluster/types.js';
import type { DiscoveryMode } from '../discovery/mode.js';
import { InputError } from '../util/errors.js';
import { templateContexts } from './context.js';
import { compileTemplate } from './template.js';

/** The text that user-data is made from, and the file it is in. */
export interface Base {
  readonly kind: 'template' | 'cloud-config';
  readonly file: string;
  readonly text: string;
}

/** Settings from config.ts that go into a member's user-data, in cloud-config's spelling. */
export interface Overrides {
  readonly etcd2: Readonly<Record<string, string>>;
  readonly fleet: Readonly<Record<string, string>>;
}

/** One member's rendered user-data. */
export interface UserData {
  readonly member: Member;
  /** `user-data-1`, `user-data-2`, … */
  readonly fileName: string;
  readonly text: string;
}

/**
 * Renders every member's user-data. Pure: the same cluster and base give the same bytes.
 *
 * A template is filled in per member. In a plain cloud-config only what must differ is changed, and the rest stays as
 * its author wrote it: etcd's name, the hostname where one is set, what the discovery mode needs, what config.ts says.
 *
 * @throws InputError if the base cannot be read as what it is
 */
export function renderUserData(
  cluster: Cluster,
  discovery: DiscoveryMode,
  base: Base,
  overrides: (member: Member) => Overrides,
): readonly UserData[] {
  const text =
    base.kind === 'template' ? fromTemplate(cluster, discovery, base) : fromCloudConfig(cluster, discovery, base);
  return cluster.members.map((member, position) => {
    const fileName = `user-data-${member.index}`;
    const rendered = text(member, position);
    const extra = overrideEdits(overrides(member));
    return {
      member,
      fileName,
      text: extra.length === 0 ? rendered : editCloudConfig(rendered, base.file).render(extra),
    };
  });
}

type MemberText = (member: Member, position: number) => string;

function fromTemplate(cluster: Cluster, discovery: DiscoveryMode, base: Base): MemberText {
  const render = compileTemplate(base);
  const contexts = templateContexts(cluster, discovery);
  return (member, position) => {
    const context = contexts[position];
    if (!context) throw new RangeError(`no context for ${member.name}`);
    return render(context);
  };
}

function fromCloudConfig(cluster: Cluster, discovery: DiscoveryMode, base: Base): MemberText {
  const document = parseCloudConfig(base);
  if (valueAt(document, ['coreos', 'etcd2']) === undefined) throw withoutEtcd(base.file);
  const editor = editCloudConfig(base.text, base.file);
  const settings = discovery.settings(cluster);
  return (member) => {
    const edits: Edit[] = [{ path: ['coreos', 'etcd2', 'name'], value: member.name }];
    if (valueAt(document, ['hostname']) !== undefined) edits.push({ path: ['hostname'], value: member.name });
    for (const [key, value] of Object.entries(settings(member))) {
      const path = ['coreos', 'etcd2', key];
      const present = valueAt(document, path);
      const stays = value !== null && present !== undefined && discovery.same?.(key, present, value);
      if (!stays) edits.push({ path, value });
    }
    return editor.render(edits);
  };
}

function withoutEtcd(file: string): InputError {
  return new InputError(`${file} has no coreos.etcd2 section, so its members would not be a cluster`, {
    code: 'USER_DATA_UNFIT',
    hint: 'Add a `coreos: etcd2:` section; `coreup init` in an empty directory writes one to start from.',
    location: { file },
  });
}

function valueAt(document: CloudConfigDocument, path: readonly string[]): string | undefined {
  const node = path.reduce<ReturnType<typeof childOf>>(
    (at, key) => childOf(at, key.replaceAll('-', '_')),
    document.root ?? undefined,
  );
  return node === undefined ? undefined : stringOf(node);
}

function overrideEdits(overrides: Overrides): readonly Edit[] {
  const section = (name: 'etcd2' | 'fleet'): Edit[] =>
    Object.entries(overrides[name]).map(([key, value]) => ({ path: ['coreos', name, key], value }));
  return [...section('etcd2'), ...section('fleet')];
}
