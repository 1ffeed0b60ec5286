import { editCloudConfig, type Edit } from '../cloud-config/edit.js';
import { childOf, type CloudConfigDocument } from '../cloud-config/nodes.js';
import { parseCloudConfig } from '../cloud-config/parse.js';
import { stringOf } from '../cloud-config/scalars.js';
import { addFile, writesFile } from '../cloud-config/add-file.js';
import type { Cluster, Member, Role } from '../cluster/types.js';
import type { DiscoveryMode, MemberSettings } from '../discovery/mode.js';
import { memberSettings } from '../discovery/settings.js';
import { ETCD_UNIT } from '../etcd/service.js';
import { PLAIN, type Transport } from '../etcd/transport.js';
import type { EtcdVersion } from '../etcd/version.js';
import { InputError } from '../util/errors.js';
import { templateContexts } from './context.js';
import { compileTemplate } from './template.js';
import { initialClusterEdits, transportEdits, valueAt } from './transport-edits.js';

interface Source {
  readonly file: string;
  readonly text: string;
}

/** The text that user-data is made from, and the file it is in. */
export interface Base extends Source {
  readonly kind: 'template' | 'cloud-config';
  /** Templates of their own for what is no etcd member. */
  readonly roles?: Partial<Readonly<Record<Role, Source>>>;
}

/** Settings from config.ts that go into a member's user-data, in cloud-config's spelling. */
export interface Overrides {
  readonly etcd2: Readonly<Record<string, string>>;
  readonly fleet: Readonly<Record<string, string>>;
}

/** What is known of each member besides the cluster. */
export interface RenderFacts {
  /** What config.ts says of its user-data. */
  overrides(member: Member): Overrides;
  /** The etcd of its host, as far as it is known. */
  etcdVersion(member: Member): EtcdVersion | undefined;
  /** What etcd is to speak; plain http where it is absent. */
  readonly transport?: Transport;
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
 * its author wrote it: etcd's name, the hostname where one is set, what role and discovery mode need, what config.ts says.
 *
 * @throws InputError if the base cannot be read as what it is
 */
export function renderUserData(
  cluster: Cluster,
  discovery: DiscoveryMode,
  base: Base,
  facts: RenderFacts,
): readonly UserData[] {
  const { transport = PLAIN } = facts;
  const settingsOf = memberSettings(discovery, cluster, transport);
  const text =
    base.kind === 'template' ? fromTemplate(cluster, base, transport) : fromCloudConfig(discovery, base, transport);
  return cluster.members.map((member) => {
    const settings = settingsOf(member, facts.etcdVersion(member));
    const extra = overrideEdits(facts.overrides(member), settings);
    const rendered = text(member, settings);
    const edited = extra.length === 0 ? rendered : editCloudConfig(rendered, base.file).render(extra);
    return {
      member,
      fileName: `user-data-${member.index}`,
      text: withFiles(edited, base.file, settings),
    };
  });
}

type MemberText = (member: Member, settings: MemberSettings) => string;

function fromTemplate(cluster: Cluster, base: Base, transport: Transport): MemberText {
  const contexts = templateContexts(cluster);
  const compiled = new Map<Source, ReturnType<typeof compileTemplate>>();
  return (member, settings) => {
    const source = base.roles?.[member.role] ?? base;
    const render = compiled.get(source) ?? compileTemplate(source);
    compiled.set(source, render);
    const text = render(contexts(member, settings), member.name);
    // Those that come with coreup take their URLs from the context.
    if (base.roles !== undefined || settings.etcd2 === null) return text;
    const document = parseCloudConfig({ file: base.file, text });
    const edits = [
      ...transportEdits(document, settings, transport, member),
      ...initialClusterEdits(document, transport, member),
    ];
    return edits.length === 0 ? text : editCloudConfig(text, base.file).render(edits);
  };
}

function fromCloudConfig(discovery: DiscoveryMode, base: Base, transport: Transport): MemberText {
  const document = parseCloudConfig(base);
  if (valueAt(document, ['coreos', 'etcd2']) === undefined) throw withoutEtcd(base.file);
  const editor = editCloudConfig(base.text, base.file);
  const hasHostname = valueAt(document, ['hostname']) !== undefined;
  return (member, settings) => {
    const { etcd2 } = settings;
    const edits: Edit[] = hasHostname ? [{ path: ['hostname'], value: member.name }] : [];
    if (etcd2 === null) return editor.render([...edits, ...withoutEtcdEdits(document)]);
    edits.push({ path: ['coreos', 'etcd2', 'name'], value: member.name });
    for (const [key, value] of Object.entries(etcd2)) {
      const path = ['coreos', 'etcd2', key];
      const present = valueAt(document, path);
      const stays = value !== null && present !== undefined && discovery.same?.(key, present, value);
      if (!stays) edits.push({ path, value });
    }
    return editor.render([...edits, ...transportEdits(document, settings, transport, member)]);
  };
}

/** Where the variables go that cloud-config has no key for: a drop-in that comes after that of cloud-config. */
const ENVIRONMENT_FILE = `/etc/systemd/system/${ETCD_UNIT}.d/30-coreup.conf`;

/** Adds what belongs into files of its own, except for files that the user-data writes itself. */
function withFiles(text: string, file: string, { environment, files }: MemberSettings): string {
  const variables = Object.entries(environment).map(([name, value]) => `Environment="${name}=${value}"`);
  const wanted = {
    ...(variables.length === 0 ? {} : { [ENVIRONMENT_FILE]: ['[Service]', ...variables] }),
    ...files,
  };
  return Object.entries(wanted).reduce(
    (done, [path, lines]) => (writesFile(done, file, path) ? done : addFile(done, file, path, lines)),
    text,
  );
}

/** Takes etcd out of a member's user-data: its section goes, and its unit is stopped instead of started. */
function withoutEtcdEdits(document: CloudConfigDocument): Edit[] {
  const units = childOf(childOf(document.root ?? undefined, 'coreos'), 'units');
  const items = units?.kind === 'sequence' ? units.items : [];
  return [
    { path: ['coreos', 'etcd2'], value: null },
    ...items.flatMap((item, index): Edit[] => {
      if (stringOf(childOf(item, 'name')) !== ETCD_UNIT) return [];
      const path = ['coreos', 'units', String(index)];
      return [
        { path: [...path, 'command'], value: 'stop' },
        { path: [...path, 'enable'], value: null },
      ];
    }),
  ];
}

function withoutEtcd(file: string): InputError {
  return new InputError(`${file} has no coreos.etcd2 section, so its members would not be a cluster`, {
    code: 'USER_DATA_UNFIT',
    hint: 'Add a `coreos: etcd2:` section; `coreup init` in an empty directory writes one to start from.',
    location: { file },
  });
}

/** config.ts speaks of members; an etcd that is none keeps what its role has taken out. */
function overrideEdits(overrides: Overrides, { etcd2: settings }: MemberSettings): readonly Edit[] {
  const section = (name: 'etcd2' | 'fleet', values: Readonly<Record<string, string>>): Edit[] =>
    Object.entries(values).map(([key, value]) => ({ path: ['coreos', name, key], value }));
  const etcd2 = Object.entries(settings === null ? {} : overrides.etcd2).filter(([key]) => settings?.[key] !== null);
  return [...section('etcd2', Object.fromEntries(etcd2)), ...section('fleet', overrides.fleet)];
}
