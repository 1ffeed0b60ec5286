/** A fleetctl command line, taken apart as far as coreup must understand it. */
export interface FleetctlCall {
  /** '' where there is none. */
  readonly command: string;
  /** Everything before the command. */
  readonly before: readonly string[];
  /** Flags of the command, with their values. */
  readonly flags: readonly string[];
  /** Units, files or machines; what stands after a `--` is not among them. */
  readonly names: readonly string[];
  /** What follows the first name of `ssh`, or a `--`. */
  readonly rest: readonly string[];
}

/** Flags whose value is the next word, unless there is a `=` (fleetctl 1.0, fleetctl/*.go). */
const WITH_VALUE = new Set([
  'driver', 'endpoint', 'etcd-key-prefix', 'key-file', 'cert-file', 'ca-file', 'known-hosts-file', 'ssh-timeout', 'tunnel',
  'request-timeout', 'ssh-username', 'etcd-keyfile', 'etcd-certfile', 'etcd-cafile', 'block-attempts', 'ssh-port', 'fields',
  'lines', 'output', 'machine', 'unit',
]); // prettier-ignore

/** Short flags that fleetctl had before 1.0, which takes them no more though its help still says so. */
const SHORT: Readonly<Record<string, string>> = { '-l': '--full', '-f': '--follow', '-A': '--forward-agent' };

/** Takes a fleetctl command line apart; never fails. */
export function readFleetctl(args: readonly string[]): FleetctlCall {
  const before: string[] = [];
  let at = 0;
  while (at < args.length && args[at]?.startsWith('-')) at += take(args, at, before);
  const command = args[at++] ?? '';
  const flags: string[] = [];
  const names: string[] = [];
  while (at < args.length && args[at] !== '--') {
    if (args[at]?.startsWith('-')) at += take(args, at, flags);
    else if (command === 'ssh' && names.length > 0) break;
    else names.push(args[at++] ?? '');
  }
  const rest = args.slice(args[at] === '--' ? at + 1 : at);
  return { command, before, flags, names, rest };
}

/** @returns how many words the flag has */
function take(args: readonly string[], at: number, into: string[]): number {
  const word = args[at] ?? '';
  const name = word.replace(/^--?/, '');
  const size = !name.includes('=') && WITH_VALUE.has(name) && at + 1 < args.length ? 2 : 1;
  into.push(SHORT[word] ?? word, ...args.slice(at + 1, at + size));
  return size;
}

/** The words of a call again, as fleetctl 1.0 reads them. */
export function fleetctlWords({ before, command, flags, names, rest }: FleetctlCall): readonly string[] {
  return [
    ...before,
    ...(command === '' ? [] : [command]),
    ...flags,
    ...names,
    ...(rest.length === 0 ? [] : ['--', ...rest]),
  ];
}

/** The value of a flag, `--unit=X` or `--unit X`. */
export function flagValue(flags: readonly string[], name: string): string | undefined {
  const at = flags.findIndex((word) => word.replace(/^--?/, '').split('=')[0] === name);
  const word = flags[at];
  if (word === undefined) return undefined;
  return word.includes('=') ? word.slice(word.indexOf('=') + 1) : flags[at + 1];
}

/** The unit that fleetctl means by a word: the last part of a path, a service where no type is said. */
export function unitNameOf(word: string): string {
  const name = word.split('/').at(-1) ?? word;
  return /\.(service|socket|timer|path|device|mount|automount)$/.test(name) ? name : `${name}.service`;
}
