import type { HostEdit, HostFile, HostState, HostUser } from '../cluster/host-state.js';

/** One file in `explain --json`; text as `content`, anything that is not UTF-8 as `content_base64`. */
export interface ExplainedFile {
  readonly path: string;
  readonly mode: string;
  readonly owner: string | null;
  readonly content?: string;
  readonly content_base64?: string;
  readonly key: string;
  readonly line?: number;
  /** The host's own lines of this file stay; `content` shows only those that are set. */
  readonly merged?: true;
}

/** The shape of `explain --json` (docs/cli.md). */
export interface Explanation {
  readonly hostname: string | null;
  readonly users: readonly Record<string, unknown>[];
  readonly ssh_authorized_keys: Readonly<Record<string, readonly string[]>>;
  readonly files: readonly ExplainedFile[];
  readonly units: readonly {
    readonly name: string;
    readonly mask: boolean;
    readonly enable: boolean;
    readonly runtime: boolean;
    readonly key: string;
    readonly line?: number;
  }[];
  readonly commands: readonly (readonly [verb: string, unit: string])[];
}

/** What a host state means, as plain data; everything is in coreos-cloudinit's order. */
export function explain(state: HostState): Explanation {
  return {
    hostname: state.hostname,
    users: state.users.map(explainUser),
    ssh_authorized_keys: keysByUser(state),
    files: filesWithEdits(state),
    units: state.units.map(({ name, mask, enable, runtime, origin }) => ({ name, mask, enable, runtime, ...origin })),
    commands: state.commands.map(({ verb, unit }) => [verb, unit]),
  };
}

/** Spelled as in a cloud-config; what is not set is left out. */
function explainUser(user: HostUser): Record<string, unknown> {
  const all: Record<string, unknown> = {
    name: user.name,
    passwd: user.passwordHash,
    gecos: user.gecos,
    homedir: user.homeDir,
    no_create_home: user.noCreateHome,
    primary_group: user.primaryGroup,
    groups: user.groups.length === 0 ? undefined : user.groups,
    no_user_group: user.noUserGroup,
    system: user.system,
    no_log_init: user.noLogInit,
    shell: user.shell,
    ...user.origin,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined && value !== false));
}

function keysByUser(state: HostState): Record<string, string[]> {
  const byUser = new Map<string, Set<string>>();
  for (const { user, keys } of state.authorizedKeys) {
    const all = byUser.get(user) ?? new Set();
    for (const key of keys) all.add(key);
    byUser.set(user, all);
  }
  return Object.fromEntries([...byUser].map(([user, keys]) => [user, [...keys]]));
}

/** Puts the edits where coreos-cloudinit makes them: update.conf behind oem-release, environment before the units. */
function filesWithEdits({ files, edits }: HostState): ExplainedFile[] {
  const early = files.filter(({ origin }) => /^(write_files\[|coreos\.oem$)/.test(origin.key));
  const middle = files.filter(({ origin }) => /^(manage_etc_hosts|coreos\.flannel)$/.test(origin.key));
  const late = files.filter((file) => !early.includes(file) && !middle.includes(file));
  const edited = (format: HostEdit['format']): ExplainedFile[] =>
    edits.filter((edit) => edit.format === format).map(explainEdit);
  return [
    ...early.map(explainFile),
    ...edited('update-conf'),
    ...middle.map(explainFile),
    ...edited('environment'),
    ...late.map(explainFile),
  ];
}

function explainFile({ path, mode, owner, content, origin }: HostFile): ExplainedFile {
  return { path, mode: octal(mode), owner, ...contentOf(content), ...origin };
}

function explainEdit({ path, set, origin }: HostEdit): ExplainedFile {
  const content = Object.keys(set)
    .sort()
    .map((key) => `${key}=${set[key] ?? ''}\n`)
    .join('');
  return { path, mode: '0644', owner: null, content, ...origin, merged: true };
}

const octal = (mode: number): string => mode.toString(8).padStart(4, '0');

function contentOf(bytes: Uint8Array): { content: string } | { content_base64: string } {
  try {
    return { content: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { content_base64: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64') };
  }
}
