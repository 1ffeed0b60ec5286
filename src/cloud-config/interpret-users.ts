import type { AuthorizedKeys, HostUser } from '../cluster/host-state.js';
import { childOf, type ConfigNode } from './nodes.js';
import type { Reader } from './reader.js';

const FETCHED = ['coreos_ssh_import_github', 'coreos_ssh_import_github_users', 'coreos_ssh_import_url'];

/** `users[]`: a nameless one is skipped, like in coreos-cloudinit. */
export function readUsers(
  reader: Reader,
  items: readonly ConfigNode[],
): { users: HostUser[]; authorizedKeys: AuthorizedKeys[] } {
  const users: HostUser[] = [];
  const authorizedKeys: AuthorizedKeys[] = [];
  items.forEach((item, index) => {
    const name = reader.string(item, 'name');
    if (name === '') return;
    refuseFetchedKeys(reader, item, name);
    const key = `users[${index}]`;
    users.push(readUser(reader, item, name, key));
    const keys = trimmedKeys(reader, item);
    if (keys.length > 0) {
      const origin = reader.originOfKey(item, 'ssh_authorized_keys', `${key}.ssh_authorized_keys`);
      authorizedKeys.push({ user: name, keys, origin });
    }
  });
  return { users, authorizedKeys };
}

/** The top-level `ssh_authorized_keys` belong to the user core. */
export function coreKeys(reader: Reader, root: ConfigNode | null): AuthorizedKeys[] {
  const keys = trimmedKeys(reader, root);
  if (keys.length === 0) return [];
  return [{ user: 'core', keys, origin: reader.originOfKey(root, 'ssh_authorized_keys', 'ssh_authorized_keys') }];
}

function trimmedKeys(reader: Reader, node: ConfigNode | null): string[] {
  return reader
    .strings(node, 'ssh_authorized_keys')
    .map((key) => key.trim())
    .filter((key) => key !== '');
}

function readUser(reader: Reader, item: ConfigNode, name: string, key: string): HostUser {
  const optional = <K extends string>(field: K, from: string): { readonly [P in K]?: string } => {
    const value = reader.string(item, from);
    return (value === '' ? {} : { [field]: value }) as { readonly [P in K]?: string };
  };
  return {
    name,
    ...optional('passwordHash', 'passwd'),
    ...optional('gecos', 'gecos'),
    ...optional('homeDir', 'homedir'),
    noCreateHome: reader.bool(item, 'no_create_home'),
    ...optional('primaryGroup', 'primary_group'),
    groups: reader.strings(item, 'groups'),
    noUserGroup: reader.bool(item, 'no_user_group'),
    system: reader.bool(item, 'system'),
    noLogInit: reader.bool(item, 'no_log_init'),
    ...optional('shell', 'shell'),
    origin: reader.origin(key, item),
  };
}

/** coreos-cloudinit fetches these at boot and stops if that fails; coreup does not let a web page decide who gets in. */
function refuseFetchedKeys(reader: Reader, item: ConfigNode, name: string): void {
  for (const key of FETCHED) {
    const node = childOf(item, key);
    if (node === undefined || (reader.string(item, key) === '' && reader.strings(item, key).length === 0)) continue;
    throw reader.problem(
      node,
      `${key} of the user ${name} would fetch SSH keys from the network, which coreup does not do`,
      'USER_KEYS_FETCHED',
      'Put the keys themselves into ssh_authorized_keys (for GitHub: https://github.com/NAME.keys shows them).',
    );
  }
}
