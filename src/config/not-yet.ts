import { formatPath, type KeyPath } from './key-path.js';
import type { Sections } from './schema.js';

interface Pending {
  readonly path: KeyPath;
  readonly what: string;
  readonly isAsked: (config: Sections) => boolean;
}

/**
 * What the schema knows and this version cannot do yet: refused, never silently ignored. Whoever builds one of these
 * deletes its lines.
 */
export const PENDING: readonly Pending[] = [
  { path: ['etcd', 'tls'], what: 'TLS', isAsked: ({ etcd }) => etcd?.tls === true },
];

/** Refuses what is not built yet. */
export function notYet(config: Sections): readonly { path: KeyPath; message: string }[] {
  return PENDING.filter(({ isAsked }) => isAsked(config)).map(({ path, what }) => ({
    path,
    message: `${formatPath(path)} asks for ${what}, which is not built yet in this version of coreup`,
  }));
}
