import { posix } from 'node:path';
import type { HostFile } from '../cluster/host-state.js';
import { decodeContent, ENCODING_NAMES } from './encodings.js';
import { childOf, type ConfigNode } from './nodes.js';
import type { Reader } from './reader.js';
import { bytesOf } from './scalars.js';

/** `write_files[]`, in order. */
export function readWriteFiles(reader: Reader, items: readonly ConfigNode[]): HostFile[] {
  return items.flatMap((item, index): HostFile[] => {
    if (item.kind !== 'mapping') return [];
    const owner = reader.string(item, 'owner');
    return [
      {
        path: pathOf(reader, item),
        mode: modeOf(reader, item),
        owner: owner === '' ? null : owner,
        content: contentOf(reader, item),
        origin: reader.origin(`write_files[${index}]`, item),
      },
    ];
  });
}

/** As Go's path.Join: relative to the root, `..` stops there, and a slash at the end says nothing. */
function pathOf(reader: Reader, item: ConfigNode): string {
  const path = posix.join('/', reader.string(item, 'path')).replace(/(?<=.)\/$/, '');
  if (path.includes('\0')) {
    throw reader.problem(
      childOf(item, 'path') ?? item,
      'a path cannot hold a NUL character',
      'WRITE_FILES_PATH',
      'Take the "\\0" out of it.',
    );
  }
  if (path !== '/') return path;
  throw reader.problem(
    childOf(item, 'path') ?? item,
    'this entry of write_files has no path',
    'WRITE_FILES_PATH',
    'Give it an absolute path: "path: /etc/motd".',
  );
}

/**
 * Octal, whatever the YAML type: 0644, 644 and "0644" are the same mode. Like coreos-cloudinit (whose os.FileMode keeps
 * the permission bits only), the set-user-id, set-group-id and sticky bits are dropped.
 */
function modeOf(reader: Reader, item: ConfigNode): number {
  const text = reader.string(item, 'permissions');
  if (text === '') return 0o644;
  if (/^\+?[0-7]{1,10}$/.test(text)) return Number.parseInt(text, 8) & 0o777;
  throw reader.problem(
    childOf(item, 'permissions') ?? item,
    `the permissions ${JSON.stringify(text)} are no octal number`,
    'WRITE_FILES_PERMISSIONS',
    'Write three or four octal digits in quotes, such as "0644".',
  );
}

function contentOf(reader: Reader, item: ConfigNode): Uint8Array {
  const node = childOf(item, 'content');
  const encoding = reader.string(item, 'encoding');
  const decoded = decodeContent(bytesOf(node), encoding);
  if ('bytes' in decoded) return decoded.bytes;
  throw reader.problem(
    node ?? childOf(item, 'encoding') ?? item,
    `the content cannot be decoded as ${JSON.stringify(encoding)}: ${decoded.error}`,
    'WRITE_FILES_ENCODING',
    `Known encodings: ${ENCODING_NAMES.join(', ')}. Leave the key out for plain text.`,
  );
}
