import type { Found } from './finding.js';
import { childOf, itemsOf, type ConfigNode } from './nodes.js';
import { listItems, type ConfigRule, type ListItem } from './rule.js';
import { stringOf, stringsOf } from './scalars.js';

const hostname: ConfigRule = {
  name: 'hostname',
  check: ({ root }) => {
    const node = childOf(root, 'hostname');
    const name = stringOf(node);
    if (node === undefined || name === '' || name.includes('$')) return [];
    if (
      name.length <= 64 &&
      name.split('.').every((label) => /^[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?$/.test(label))
    )
      return [];
    return [
      {
        severity: 'error',
        offset: node.start,
        path: 'hostname',
        message: `${JSON.stringify(name)} is no host name: hostnamectl refuses it`,
        hint: 'Use letters, digits and "-", at most 64 of them.',
      },
    ];
  },
};

const nameless: ConfigRule = {
  name: 'user-name',
  check: ({ users }) =>
    users.flatMap(({ node, path }): Found[] => {
      if (node.kind !== 'mapping') return [];
      const name = stringOf(childOf(node, 'name'));
      if (name !== '' && /^[a-z_][a-z0-9_-]{0,30}\$?$/i.test(name)) return [];
      return [
        {
          severity: 'warning',
          offset: (childOf(node, 'name') ?? node).start,
          path: `${path}.name`,
          message:
            name === '' ? 'a user without a name is skipped' : `useradd may refuse the name ${JSON.stringify(name)}`,
          hint: 'Give a name of lower-case letters, digits, "-" and "_".',
        },
      ];
    }),
};

const duplicateUsers: ConfigRule = {
  name: 'user-duplicate',
  check: ({ users }) => {
    const seen = new Set<string>();
    return users.flatMap(({ node, path }): Found[] => {
      const name = stringOf(childOf(node, 'name'));
      if (name === '' || !seen.has(name)) {
        seen.add(name);
        return [];
      }
      return [
        {
          severity: 'warning',
          offset: (childOf(node, 'name') ?? node).start,
          path: `${path}.name`,
          message: `the user ${name} is listed twice; the second time only password and keys count`,
          hint: 'Put everything about one user into one entry.',
        },
      ];
    });
  },
};

const plainPassword: ConfigRule = {
  name: 'user-passwd',
  check: ({ users }) =>
    users.flatMap(({ node, path }): Found[] => {
      const passwd = childOf(node, 'passwd');
      const value = stringOf(passwd);
      if (passwd === undefined || value === '' || /^(?:[*!]|!?\$[0-9a-z]+\$|!?[./0-9A-Za-z]{13}$)/.test(value))
        return [];
      return [
        {
          severity: 'warning',
          offset: passwd.start,
          path: `${path}.passwd`,
          message:
            'passwd is a hash, and this does not look like one: with it nobody can log in, and the password is readable here',
          hint: 'Write the output of `openssl passwd -6`, in quotes.',
        },
      ];
    }),
};

const KEY =
  /(?:^|\s)(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-nistp(?:256|384|521)|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)(?:-cert-v01@openssh\.com)?\s+[A-Za-z0-9+/]{4}/;

const keys: ConfigRule = {
  name: 'ssh-key',
  check: ({ root, users }) => [
    ...listItems(childOf(root, 'ssh_authorized_keys'), 'ssh_authorized_keys').flatMap(keyFindings),
    ...users.flatMap(({ node, path }) =>
      listItems(childOf(node, 'ssh_authorized_keys'), `${path}.ssh_authorized_keys`).flatMap(keyFindings),
    ),
  ],
};

function keyFindings({ node, path }: ListItem): Found[] {
  const key = stringOf(node);
  if (node.kind !== 'scalar' || KEY.test(key)) return [];
  const secret = key.includes('PRIVATE KEY-----');
  if (key.trim() === '' || key.includes('$')) return [];
  return [
    {
      severity: secret ? 'error' : 'warning',
      offset: node.start,
      path,
      message: secret
        ? 'this is a private key'
        : 'this does not look like an SSH public key, so nobody can log in with it',
      hint: secret
        ? 'Take it out and make a new pair: this one is no longer secret. The public key is in the file ending in .pub.'
        : 'Write the line of a .pub file: "ssh-ed25519 AAAA… comment".',
    },
  ];
}

const twiceForCore: ConfigRule = {
  name: 'core-keys',
  check: ({ root, users }) => {
    const own: ConfigNode | undefined = childOf(root, 'ssh_authorized_keys');
    const listed = users.find(
      ({ node }) =>
        stringOf(childOf(node, 'name')) === 'core' && itemsOf(childOf(node, 'ssh_authorized_keys')).length > 0,
    );
    if (own === undefined || listed === undefined || stringsOf(own).length === 0) return [];
    return [
      {
        severity: 'info',
        offset: own.start,
        path: 'ssh_authorized_keys',
        message: `the user core has keys here and in ${listed.path}; coreos-cloudinit lets these replace those, coreup authorizes both`,
        hint: 'Put all of them here.',
      },
    ];
  },
};

export const USER_RULES: readonly ConfigRule[] = [
  hostname,
  nameless,
  duplicateUsers,
  plainPassword,
  keys,
  twiceForCore,
];
