/** Where images are kept; they may be deleted at any time when no host runs. */
export function cacheRoot(): string {
  return process.env['COREUP_CACHE_DIR'] ?? '/var/cache/coreup';
}

/** Where hosts and their disks are kept. */
export function dataRoot(): string {
  return process.env['COREUP_DATA_DIR'] ?? '/var/lib/coreup';
}
