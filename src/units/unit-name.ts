/** A unit's name, taken apart. */
export interface UnitName {
  readonly prefix: string;
  /** Null for a plain unit, '' for a template (`redis@.service`), the text between for an instance. */
  readonly instance: string | null;
  readonly suffix: string;
}

/** Types of systemd units. */
export const SYSTEMD_SUFFIXES = [
  'service',
  'socket',
  'device',
  'mount',
  'automount',
  'swap',
  'target',
  'path',
  'timer',
  'slice',
  'scope',
] as const;

/** What systemd-networkd and udev read; cloud-config lists them among its units. */
export const NETWORK_SUFFIXES = ['network', 'netdev', 'link'] as const;

/** Types of units that fleet schedules. */
export const FLEET_SUFFIXES = ['service', 'socket', 'device', 'mount', 'automount', 'timer', 'path'] as const;

const MAX_LENGTH = 255;

/** Takes a name apart at its first `@` and its last `.`; never fails. */
export function splitUnitName(name: string): UnitName {
  const dot = name.lastIndexOf('.');
  const stem = dot < 0 ? name : name.slice(0, dot);
  const suffix = dot < 0 ? '' : name.slice(dot + 1);
  const at = stem.indexOf('@');
  return at < 0
    ? { prefix: stem, instance: null, suffix }
    : { prefix: stem.slice(0, at), instance: stem.slice(at + 1), suffix };
}

/**
 * Why a name is no unit name, or undefined if it is one: `string.suffix` or `string@instance.suffix`, where the string
 * is not empty, both have only letters, digits and `: _ . @ -` (and the `\` of systemd's escapes), and the suffix is
 * one of `suffixes`.
 */
export function unitNameFault(name: string, suffixes: readonly string[]): string | undefined {
  const { prefix, suffix } = splitUnitName(name);
  const bad = /[^A-Za-z0-9:_.@\\-]/.exec(name);
  if (name === '') return 'it is empty';
  if (bad !== null) return `${JSON.stringify(bad[0])} is not allowed in it`;
  if (!name.includes('.')) return `it has no suffix such as .${suffixes[0] ?? ''}`;
  if (!suffixes.includes(suffix)) return `.${suffix} is no type of unit (known: ${suffixes.join(', ')})`;
  if (prefix === '') return 'there is nothing before the @ or the suffix';
  if (name.length > MAX_LENGTH) return `it is longer than ${MAX_LENGTH} characters`;
  return undefined;
}
