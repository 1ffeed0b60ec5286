import fc from 'fast-check';
import type { ConfigNode } from '../../../src/cloud-config/nodes.js';

/** How often a property is tried; COREUP_FUZZ_RUNS raises it for the long run. */
export function runs(few: number): number {
  return Number(process.env['COREUP_FUZZ_RUNS'] ?? few);
}

/** A node without places: what a document says, as plain data. */
export function plain(node: ConfigNode | null): unknown {
  switch (node?.kind) {
    case undefined:
      return null;
    case 'scalar':
      return node.text;
    case 'sequence':
      return node.items.map(plain);
    case 'mapping':
      return Object.fromEntries([...node.byKey].map(([key, { value }]) => [key, plain(value)]));
  }
}

interface Mapping {
  readonly [key: string]: Value;
}
type Value = string | readonly Value[] | Mapping;

const KEYS = [
  'coreos',
  'etcd2',
  'etcd',
  'fleet',
  'flannel',
  'locksmith',
  'update',
  'oem',
  'units',
  'write_files',
  'users',
  'hostname',
  'ssh_authorized_keys',
  'manage_etc_hosts',
  'name',
  'content',
  'command',
  'enable',
  'mask',
  'runtime',
  'drop-ins',
  'path',
  'permissions',
  'encoding',
  'owner',
  'discovery',
  'initial-cluster',
  'listen_client_urls',
  'proxy',
  'max_wals',
  'debug',
  'reboot-strategy',
  'group',
  'id',
  'window_start',
  'interface',
  'passwd',
  'groups',
  'shell',
  'coreos_ssh_import_url',
  'x',
];
const SCALARS = [
  '',
  '~',
  'off',
  'true',
  '1',
  '0644',
  '420',
  '12:30',
  '1.5',
  '"quoted # text"',
  "'it: is'",
  'etcd2.service',
  'a@1.service',
  'x.network',
  'start',
  'stop',
  'localhost',
  '/etc/motd',
  '/usr/bin/x',
  '/etc/environment',
  'base64',
  'gz+b64',
  'aGVsbG8=',
  'etcd-lock',
  'reboot',
  'text # comment',
  'http://$private_ipv4:2379',
  '$public_ipv4$public_ipv4',
  '${public_ipv4}',
  'core',
  'ssh-rsa AAAA x',
  'b.conf',
  '|\n<i>[Service]\n<i>ExecStart=/bin/a \\\n<i>  b\n\n<i>[X-Fleet]\n<i>Global=true',
  '|-\n<i>[Unit\n<i># c\n<i>docker run -d',
  '|\n<i>text\n',
];

const scalar = fc.constantFrom(...SCALARS);
/** Kept small: two short documents find more than a long one, and sooner. */
const { value } = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'xsmall', withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { minLength: 1, maxLength: 2 }),
    fc.dictionary(fc.constantFrom(...KEYS), tie('value'), { minKeys: 1, maxKeys: 3 }),
  ),
}));

/** Mostly what belongs there, sometimes anything. */
const mostly = (usual: fc.Arbitrary<Value>): fc.Arbitrary<Value> =>
  fc.oneof({ weight: 7, arbitrary: usual }, { weight: 1, arbitrary: value });
const someOf = (...keys: string[]): fc.Arbitrary<Value> =>
  fc.dictionary(fc.constantFrom(...keys), mostly(scalar), { minKeys: 1, maxKeys: 4 });
const listOf = (item: fc.Arbitrary<Value>): fc.Arbitrary<Value> =>
  mostly(fc.array(mostly(item), { minLength: 1, maxLength: 2 }));

const named = {
  name: fc.constantFrom('etcd2.service', 'a@1.service', 'x.network', 'b.conf', 'c'),
  content: fc.constantFrom(...SCALARS.filter((text) => text.startsWith('|'))),
};
const unit = fc.record(
  {
    ...named,
    command: mostly(fc.constantFrom('start', 'stop', 'restart')),
    enable: scalar,
    mask: scalar,
    runtime: scalar,
    'drop-ins': listOf(fc.record(named, { requiredKeys: [] })),
  },
  { requiredKeys: [] },
);

/** What most cloud-configs look like at the top. */
const shaped = fc.record(
  {
    coreos: fc.record(
      {
        units: listOf(unit),
        etcd2: someOf(
          ...['discovery', 'initial-cluster', 'listen_client_urls', 'advertise-client-urls', 'proxy', 'name', 'debug'],
        ),
        etcd: someOf('discovery', 'name', 'peers', 'addr'),
        fleet: someOf('public-ip', 'metadata', 'etcd_servers'),
        update: someOf('reboot-strategy', 'group', 'server'),
        locksmith: someOf('window_start', 'window-length', 'endpoint'),
        flannel: someOf('interface', 'etcd-prefix'),
        oem: someOf('id', 'name', 'version-id'),
      },
      { requiredKeys: [] },
    ),
    write_files: listOf(someOf('path', 'content', 'encoding', 'permissions', 'owner')),
    users: listOf(someOf('name', 'passwd', 'ssh_authorized_keys', 'groups', 'no-create-home', 'coreos_ssh_import_url')),
    hostname: scalar,
    manage_etc_hosts: scalar,
  },
  { requiredKeys: [] },
);

const top = fc.oneof(
  { weight: 3, arbitrary: shaped },
  { weight: 1, arbitrary: fc.dictionary(fc.constantFrom(...KEYS), value, { maxKeys: 4 }) },
);

/** Cloud-configs in block style, full of keys that are known and values that are allowed in some places. */
export const documents: fc.Arbitrary<string> = fc
  .tuple(top, fc.boolean())
  .map(([data, comments]) => `#cloud-config\n${print(data as Mapping, 0, comments)}`);

function print(node: Value, indent: number, comments: boolean): string {
  const pad = ' '.repeat(indent);
  const comment = comments ? `${pad}# a comment\n\n` : '';
  const inner = (child: Value): string => {
    if (typeof child === 'string') return ` ${child.replaceAll('<i>', ' '.repeat(indent + 4))}\n`;
    return `\n${print(child, indent + 2, comments)}`;
  };
  if (typeof node === 'string') return `${pad}${node}\n`;
  if (isList(node)) return node.map((item) => `${comment}${pad}-${inner(item)}`).join('');
  return Object.entries(node)
    .map(([key, child]) => `${comment}${pad}${key}:${inner(child)}`)
    .join('');
}

const isList = (value: Value): value is readonly Value[] => Array.isArray(value);
