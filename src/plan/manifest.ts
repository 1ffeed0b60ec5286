/** Where coreup keeps, on the host, what it made there. */
export const MANIFEST_PATH = '/var/lib/coreup/manifest.json';

/** What coreup made on a host, so that it can tell its own from others' and take its own away again. */
export interface Manifest {
  readonly version: 1;
  readonly cluster: string;
  readonly member: string;
  /** sha256 (hex) of the user-data that was applied last, completely; empty while an apply is under way. */
  readonly userData: string;
  /**
   * sha256 (hex) by path, of every file that coreup wrote; while an apply is under way several, with spaces between: any
   * of them may be there if it ends early.
   */
  readonly files: Readonly<Record<string, string>>;
  /** Units that coreup enabled or masked. */
  readonly enabled: readonly string[];
  readonly masked: readonly string[];
  /** Units that may run with files from before a change: they have not been restarted since. */
  readonly pending: readonly string[];
}

/** @returns undefined for anything that is no manifest of this version */
export function parseManifest(text: string): Manifest | undefined {
  try {
    const value = JSON.parse(text) as Omit<Manifest, 'version'> & { version: unknown };
    const { version, files, enabled, masked, pending, cluster, userData } = value;
    const sound =
      version === 1 &&
      [cluster, userData, ...Object.values(files)].every((entry) => typeof entry === 'string') &&
      [enabled, masked, pending].every(Array.isArray);
    return sound ? { ...value, version } : undefined;
  } catch {
    return undefined;
  }
}

/** Keys in a fixed order, so that equal manifests are equal bytes. */
export function printManifest(manifest: Manifest): string {
  const files = Object.fromEntries(Object.entries(manifest.files).sort(([a], [b]) => (a < b ? -1 : 1)));
  const { version, cluster, member, userData, enabled, masked, pending } = manifest;
  return `${JSON.stringify({ version, cluster, member, userData, files, enabled, masked, pending }, null, 2)}\n`;
}
