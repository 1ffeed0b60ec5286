import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** What a host writes by itself, or has from its making, and what differs from one host to the next. */
const OWN = [
  'etc/machine-id',
  'etc/.pwd.lock',
  // The version before the last change, of whatever user.
  /^etc\/(passwd|group|shadow|gshadow|subuid|subgid)-$/,
  // What useradd(8) leaves where the power fails in the middle of it.
  /^etc\/(passwd|group|shadow|gshadow|subuid|subgid)\.\d+$/,
  /^etc\/ssh\/ssh_host_/,
  'etc/.updated',
  'var/.updated',
  /^var\/(log|tmp|cache|lib\/systemd|lib\/private|lib\/etcd2\/member)(\/|$)/,
  /^(tmp|run|dev|proc|sys)(\/|$)/,
];

/**
 * Everything that a local host's disk has beyond its image: type, mode, owner and content by path. It is read from the
 * machine below, with nothing of coreup's.
 */
export function diskOf(upper: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const walk = (directory: string): void => {
    for (const name of readdirSync(join(upper, directory)).sort()) {
      const path = join(directory, name);
      if (OWN.some((own) => (typeof own === 'string' ? own === path : own.test(path)))) continue;
      const stat = lstatSync(join(upper, path));
      const what = stat.isDirectory()
        ? 'directory'
        : stat.isSymbolicLink()
          ? `link to ${readlinkSync(join(upper, path))}`
          : stat.isFile()
            ? `file ${createHash('sha256')
                .update(readFileSync(join(upper, path)))
                .digest('hex')}`
            : 'removed';
      found.set(path, `${what} ${stat.mode.toString(8)} ${stat.uid}:${stat.gid}`);
      if (stat.isDirectory()) walk(path);
    }
  };
  walk('');
  return found;
}
