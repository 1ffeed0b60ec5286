import { posix } from 'node:path';

/** `network` for what systemd-networkd and udevd read, `system` for all else (coreos-cloudinit's Unit.Group). */
export function unitGroup(name: string): 'network' | 'system' {
  return /\.(?:network|netdev|link)$/.test(name) ? 'network' : 'system';
}

/** Where coreos-cloudinit puts a unit's file. */
export function unitFilePath(name: string, runtime: boolean): string {
  return posix.join('/', runtime ? 'run' : 'etc', 'systemd', unitGroup(name), name);
}

/** Where coreos-cloudinit puts a drop-in of a unit. */
export function dropInPath(unit: string, dropIn: string, runtime: boolean): string {
  return posix.join('/', runtime ? 'run' : 'etc', 'systemd', unitGroup(unit), `${unit}.d`, dropIn);
}
