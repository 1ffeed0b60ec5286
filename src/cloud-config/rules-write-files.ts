import { posix } from 'node:path';
import { decodeContent } from './encodings.js';
import type { Found } from './finding.js';
import { childOf, type ConfigNode } from './nodes.js';
import type { ConfigRule, ListItem } from './rule.js';
import { bytesOf, stringOf } from './scalars.js';

const text = ({ node }: ListItem, key: string): string => stringOf(childOf(node, key));
const fullPath = (item: ListItem): string => posix.join('/', text(item, 'path'));
const place = ({ node }: ListItem, key: string): number => (childOf(node, key) ?? node).start;

const encoding: ConfigRule = {
  name: 'write-files-encoding',
  check: ({ writeFiles }) =>
    writeFiles.flatMap((item): Found[] => {
      const name = text(item, 'encoding');
      if (name === '') return [];
      const decoded = decodeContent(bytesOf(childOf(item.node, 'content')), name);
      if ('bytes' in decoded) return [];
      return [
        {
          severity: 'error',
          offset: place(item, childOf(item.node, 'content') === undefined ? 'encoding' : 'content'),
          path: `${item.path}.content`,
          message: `the content cannot be decoded as ${JSON.stringify(name)}: ${decoded.error}`,
          hint: 'Encode it again (`base64 -w0 FILE`, or `gzip -c FILE | base64 -w0`), or leave out "encoding" for plain text.',
        },
      ];
    }),
};

const readOnly: ConfigRule = {
  name: 'write-files-usr',
  check: ({ writeFiles }) =>
    writeFiles
      .filter((item) => posix.dirname(fullPath(item)).match(/^\/usr(\/|$)/))
      .map((item) => ({
        severity: 'error',
        offset: place(item, 'path'),
        path: `${item.path}.path`,
        message: `${fullPath(item)} cannot be written: /usr is read-only on CoreOS`,
        hint: 'Put programs into /opt/bin and configuration into /etc.',
      })),
};

const underCoreos: ConfigRule = {
  name: 'write-files-under-coreos',
  check: ({ coreos }) => {
    const entry = coreos?.kind === 'mapping' ? coreos.byKey.get('write_files') : undefined;
    if (entry === undefined) return [];
    return [
      {
        severity: 'info',
        offset: entry.keyStart,
        path: 'coreos.write_files',
        message: 'write_files does not belong under coreos, where it is ignored',
        hint: 'Move it to the left margin, beside "coreos:".',
      },
    ];
  },
};

const noPath: ConfigRule = {
  name: 'write-files-path',
  check: ({ writeFiles }) =>
    writeFiles.flatMap((item): Found[] => {
      const path = text(item, 'path');
      if (item.node.kind !== 'mapping') return [];
      if (fullPath(item) === '/') {
        return [
          {
            severity: 'error',
            offset: place(item, 'path'),
            path: `${item.path}.path`,
            message: 'this entry of write_files has no path',
            hint: 'Give it an absolute path: "path: /etc/motd".',
          },
        ];
      }
      if (path.startsWith('/') && !path.endsWith('/')) return [];
      return [
        {
          severity: 'warning',
          offset: place(item, 'path'),
          path: `${item.path}.path`,
          message: path.endsWith('/') ? `${path} names a directory` : `${path} is a relative path`,
          hint: `It is taken as ${fullPath(item).replace(/\/$/, '')}; write that.`,
        },
      ];
    }),
};

const duplicatePaths: ConfigRule = {
  name: 'write-files-duplicate',
  check: ({ writeFiles, document }) => {
    const first = new Map<string, ListItem>();
    return writeFiles.flatMap((item): Found[] => {
      const path = fullPath(item);
      const earlier = first.get(path);
      if (path === '/' || item.node.kind !== 'mapping') return [];
      first.set(path, earlier ?? item);
      if (earlier === undefined) return [];
      return [
        {
          severity: 'warning',
          offset: place(item, 'path'),
          path: `${item.path}.path`,
          message: `${path} is already written by ${earlier.path} on line ${document.position(place(earlier, 'path')).line}; this one replaces it`,
          hint: 'Keep one of the two.',
        },
      ];
    });
  },
};

/** Decimal numbers that YAML writers make of common modes and that still look octal: 420 was 0644. */
const DECIMAL_MODES: ReadonlyMap<string, string> = new Map(
  [0o644, 0o640, 0o600, 0o660, 0o664, 0o755, 0o750, 0o700, 0o777, 0o400, 0o444, 0o440, 0o555, 0o500]
    .map((mode) => [mode.toString(10), mode.toString(8).padStart(4, '0')] as const)
    .filter(([decimal]) => /^[0-7]+$/.test(decimal)),
);

const permissions: ConfigRule = {
  name: 'write-files-permissions',
  check: ({ writeFiles }) => writeFiles.flatMap((item) => modeFindings(item, childOf(item.node, 'permissions'))),
};

function modeFindings(item: ListItem, node: ConfigNode | undefined): Found[] {
  const mode = stringOf(node);
  if (node?.kind !== 'scalar' || !/^0?[0-7]{3,4}$/.test(mode)) return [];
  const at = { offset: node.start, path: `${item.path}.permissions` };
  const found: Found[] = [];
  const meant = DECIMAL_MODES.get(mode);
  if (meant !== undefined) {
    found.push({
      severity: 'warning',
      ...at,
      message: `${mode} is read as octal; it looks like the decimal form of ${meant}, which a YAML writer makes of an unquoted ${meant}`,
      hint: `Write "${meant}", in quotes.`,
    });
  } else if (node.style === 'plain') {
    found.push({
      severity: 'info',
      ...at,
      message: `${mode} is octal for coreos-cloudinit, but a number for other YAML readers: one that writes the document again makes it decimal`,
      hint: `Put it in quotes: "${mode.padStart(4, '0')}".`,
    });
  }
  const bits = Number.parseInt(mode, 8);
  if (bits > 0o777) {
    found.push({
      severity: 'warning',
      ...at,
      message: `coreos-cloudinit drops the set-user-id, set-group-id and sticky bits: ${mode} becomes ${(bits & 0o777).toString(8).padStart(4, '0')}`,
      hint: 'Set them with a unit that runs chmod, if you need them.',
    });
  }
  return found;
}

const secrets: ConfigRule = {
  name: 'write-files-secret',
  check: ({ writeFiles }) =>
    writeFiles.flatMap((item): Found[] => {
      const mode = text(item, 'permissions');
      const bits = mode === '' ? 0o644 : /^[0-7]+$/.test(mode) ? Number.parseInt(mode, 8) : 0;
      if ((bits & 0o004) === 0 || !holdsSecret(item)) return [];
      return [
        {
          severity: 'warning',
          offset: place(item, mode === '' ? 'path' : 'permissions'),
          path: `${item.path}.permissions`,
          message: `${fullPath(item)} holds a private key, and every user of the host may read it (${mode === '' ? 'no permissions, so 0644' : mode})`,
          hint: 'Add permissions: "0600", and the owner that needs it.',
        },
      ];
    }),
};

function holdsSecret(item: ListItem): boolean {
  if (/(?:^|[-_./])(?:id_(?:rsa|ecdsa|ed25519|dsa)|[^/]*key\.pem|[^/]*\.key)$/.test(text(item, 'path'))) return true;
  const decoded = decodeContent(bytesOf(childOf(item.node, 'content')), text(item, 'encoding'));
  return 'bytes' in decoded && Buffer.from(decoded.bytes).includes('PRIVATE KEY-----');
}

export const WRITE_FILES_RULES: readonly ConfigRule[] = [
  encoding,
  readOnly,
  underCoreos,
  noPath,
  duplicatePaths,
  permissions,
  secrets,
];
