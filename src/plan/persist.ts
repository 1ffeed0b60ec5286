import type { HostFile, HostState, Origin } from '../cluster/host-state.js';
import { unitFilePath, unitGroup } from '../cloud-config/unit-paths.js';
import { bootCopyPath } from './manifest.js';

const RUN_UNITS = '/run/systemd/system/';
const RUN_NETWORK = '/run/systemd/network/';
/** What a boot empties: a tmpfs on CoreOS, on Debian, or on both. */
const EMPTIED_AT_BOOT = ['/run/', '/var/run/', '/tmp/', '/dev/shm/'];
export const TMPFILES_PATH = '/etc/tmpfiles.d/coreup.conf';
export const NETWORKD = 'systemd-networkd.service';

/**
 * Makes a state one that survives a reboot without coreos-cloudinit. CoreOS applies user-data at every boot; a host
 * without it would lose with the first reboot what lies under /run. Units, drop-ins and networkd's files go to the same
 * place under /etc; where both places name the same file, the one under /etc wins, as it does in systemd
 * (systemd.unit(5), unit file load path). Other files stay where they are, and systemd-tmpfiles puts them there at boot.
 * With networkd's files under /etc its restart is due only when they change: `diff` sees to that.
 */
export function persist(state: HostState): HostState {
  const taken = new Set(state.files.map((file) => file.path));
  const files = state.files.flatMap((file): HostFile[] => {
    const path = persistentPath(file.path);
    if (path === file.path) return [file];
    return taken.has(path) ? [] : [{ ...file, path }];
  });
  const network = new Set(state.units.filter(({ name }) => unitGroup(name) === 'network').map((unit) => unit.origin));
  const commands = state.commands.filter(({ unit, origin }) => !(unit === NETWORKD && network.has(origin)));
  return { ...state, files: [...files, ...bootCopies(files)], commands };
}

/** Where on a host without coreos-cloudinit something lives that CoreOS keeps under /run. */
export function persistentPath(path: string): string {
  if (path.startsWith(RUN_UNITS)) return `/etc/systemd/system/${path.slice(RUN_UNITS.length)}`;
  if (path.startsWith(RUN_NETWORK)) return `/etc/systemd/network/${path.slice(RUN_NETWORK.length)}`;
  return path;
}

/** Where the link to /dev/null of a masked unit goes. */
export function maskPath(unit: string): string {
  return unitFilePath(unit, false);
}

/** A copy of each file that a boot would lose, and the list by which systemd-tmpfiles copies them back. */
function bootCopies(files: readonly HostFile[]): readonly HostFile[] {
  const last = new Map(files.map((file) => [file.path, file]));
  const lost = [...last.values()].filter(({ path }) => EMPTIED_AT_BOOT.some((place) => path.startsWith(place)));
  if (lost.length === 0 || last.has(TMPFILES_PATH)) return [];
  const origin: Origin = { key: 'coreup' };
  const list = lost.map(({ path }) => `C ${tmpfilesWord(path)} - - - - ${bootCopyPath(path)}\n`).join('');
  return [
    ...lost.map((file) => ({ ...file, path: bootCopyPath(file.path) })),
    { path: TMPFILES_PATH, mode: 0o644, owner: null, content: Buffer.from(list), origin },
  ];
}

/** A path as tmpfiles.d(5) reads it: quoted, with `%` doubled. */
function tmpfilesWord(path: string): string {
  const escaped = path.replace(/["\\]/g, '\\$&').replaceAll('%', '%%').replaceAll('\n', '\\n').replaceAll('\t', '\\t');
  return `"${escaped}"`;
}
