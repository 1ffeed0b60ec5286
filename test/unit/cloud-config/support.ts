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

const { value } = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(...SCALARS),
    fc.array(tie('value'), { minLength: 1, maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...KEYS), tie('value'), { minKeys: 1, maxKeys: 5 }),
  ),
}));

/** What most cloud-configs look like at the top. */
const shaped = fc.record(
  {
    coreos: fc.dictionary(
      fc.constantFrom('etcd2', 'etcd', 'fleet', 'update', 'units', 'oem', 'locksmith', 'flannel'),
      value,
      { minKeys: 1 },
    ),
    write_files: fc.array(
      fc.dictionary(
        fc.constantFrom('path', 'content', 'encoding', 'permissions', 'owner'),
        fc.constantFrom(...SCALARS),
        { minKeys: 1 },
      ),
      { minLength: 1, maxLength: 3 },
    ),
    users: fc.array(value, { minLength: 1, maxLength: 2 }),
    hostname: fc.constantFrom(...SCALARS),
  },
  { requiredKeys: [] },
);

const top = fc.oneof(shaped, fc.dictionary(fc.constantFrom(...KEYS), value, { maxKeys: 5 }));

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
