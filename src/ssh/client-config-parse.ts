import { statSync } from 'node:fs';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { InputError } from '../util/errors.js';
import { ALGORITHMS } from './algorithms.js';
import { ignoredOf } from './client-config-ignored.js';
import { fileNames } from './file-names.js';
import { expandPath, type Surroundings } from './path-tokens.js';

/** A jump host as ProxyJump names it. */
export interface JumpSpec {
  readonly address: string;
  readonly user?: string;
  readonly port?: number;
}

/** What ssh would do for one host. */
export interface ClientConfig {
  readonly address: string;
  readonly port: number;
  readonly user: string;
  /** Absolute paths, in the order in which ssh tries them. */
  readonly identityFiles: readonly string[];
  readonly identitiesOnly: boolean;
  /** Socket of the agent, `false` for none; absent where the environment's is meant. */
  readonly agent?: string | false;
  /** From the first one, which is dialled, to the last one. */
  readonly jumps: readonly JumpSpec[];
  readonly proxyCommand?: string;
  readonly knownHostsFiles: readonly string[];
  readonly alias?: string;
  readonly revoked?: string;
  /** CASignatureAlgorithms. */
  readonly caAlgorithms?: readonly string[];
  /** Bits of the shortest RSA key that a host may have (RequiredRSASize). */
  readonly leastRsa?: number;
  /** AddressFamily. */
  readonly family?: 4 | 6;
  /** The address of this machine to connect from (BindAddress). */
  readonly bindAddress?: string;
  /** What the settings leave of the algorithms that coreup knows; absent where that is all of them. */
  readonly algorithms?: Partial<Record<Restricted, readonly string[]>>;
  /** HostKeyAlgorithms. */
  readonly hostKeyAlgorithms?: readonly string[];
  /** Settings that coreup does not follow, such as `CertificateFile`. */
  readonly ignored: readonly string[];
}

/** Lists of algorithms that the configuration may shorten: what `ssh -G` calls them, and what people call them. */
const RESTRICTED = {
  cipher: ['ciphers', 'Ciphers'],
  hmac: ['macs', 'MACs'],
  kex: ['kexalgorithms', 'KexAlgorithms'],
} as const;
type Restricted = keyof typeof RESTRICTED;

const FAMILIES: Readonly<Record<string, 4 | 6>> = { inet: 4, inet6: 6 };

/**
 * Reads what `ssh -G` prints: a lower-case keyword and its value a line, some keywords several times.
 *
 * @param host the name that ssh was asked about
 * @param isFile whether a path is that of a file, for lists of files whose names may hold blanks
 * @throws InputError SSH_CONFIG where a value cannot be used
 */
export function parseClientConfig(
  output: string,
  host: string,
  around: Surroundings,
  isFile: (path: string) => boolean = isFileHere,
): ClientConfig {
  const settings = new Map<string, string[]>();
  for (const line of output.split('\n')) {
    const at = line.indexOf(' ');
    if (at <= 0) continue;
    const key = line.slice(0, at).toLowerCase();
    settings.set(key, [...(settings.get(key) ?? []), line.slice(at + 1).replace(/\r$/, '')]);
  }
  const all = (key: string): readonly string[] => settings.get(key) ?? [];
  const one = (key: string): string | undefined => none(all(key)[0]);

  const address = one('hostname') ?? host;
  const port = Number(one('port') ?? 22);
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw wrong(host, `the port is ${one('port')}`);
  const user = one('user') ?? around.localUser;
  const alias = one('hostkeyalias');
  const jumps = (one('proxyjump') ?? '').split(',').filter((text) => text !== '');
  const tokens = { ...around, host, address, port, user, alias, jump: one('proxyjump') ?? '' };
  const path = (text: string): string => {
    try {
      return expandPath(text, tokens);
    } catch (error) {
      throw wrong(host, (error as Error).message);
    }
  };
  // ssh has expanded these before it prints them.
  const printed = (text: string): string => resolve(text.replace(/^~(?=\/|$)/, () => around.home));
  const agent = agentOf(one('identityagent'), all('identityagent')[0], around, printed);
  const revoked = one('revokedhostkeys');
  const caAlgorithms = one('casignaturealgorithms')?.split(',');
  const hostKeyAlgorithms = one('hostkeyalgorithms')?.split(',');
  const leastRsa = Number(one('requiredrsasize') ?? 0);
  const family = FAMILIES[one('addressfamily') ?? ''];
  const bindAddress = one('bindaddress');
  const canBind = bindAddress !== undefined && isIP(bindAddress) !== 0;
  const algorithms = allowed((key) => all(key)[0], host);
  const proxyCommand = one('proxycommand');
  return {
    address,
    port,
    user,
    identityFiles: all('identityfile')
      .filter((file) => none(file) !== undefined)
      .map(path),
    identitiesOnly: one('identitiesonly') === 'yes',
    ...(agent === undefined ? {} : { agent }),
    jumps: jumps.map((text) => parseJump(text, host)),
    ...(proxyCommand === undefined || jumps.length > 0 ? {} : { proxyCommand }),
    knownHostsFiles: ['userknownhostsfile', 'globalknownhostsfile'].flatMap((key) =>
      fileNames(one(key) ?? '', printed, isFile),
    ),
    ...(alias === undefined ? {} : { alias }),
    ...(revoked === undefined ? {} : { revoked: path(revoked) }),
    ...(caAlgorithms === undefined ? {} : { caAlgorithms }),
    ...(hostKeyAlgorithms === undefined ? {} : { hostKeyAlgorithms }),
    ...(leastRsa > 0 ? { leastRsa } : {}),
    ...(family === undefined ? {} : { family }),
    ...(canBind ? { bindAddress } : {}),
    ...(Object.keys(algorithms).length === 0 ? {} : { algorithms }),
    ignored: [...(canBind || bindAddress === undefined ? [] : ['BindAddress']), ...ignoredOf(one)],
  };
}

/**
 * One host of ProxyJump: `[user@]host[:port]`, an IPv6 address in brackets where a port follows, or an ssh:// URI.
 *
 * @throws InputError SSH_CONFIG
 */
export function parseJump(text: string, host: string): JumpSpec {
  const match =
    /^(?:ssh:\/\/)?(?:(.+)@)?(?:\[([^\]]+)\]|([^:@[\]/]+)|([0-9A-Fa-f:.%]+:[^@[\]/]*))(?::(\d{1,5}))?\/?$/.exec(
      text.trim(),
    );
  const [, user, bracketed, plain, bare, port] = match ?? [];
  const address = bracketed ?? plain ?? bare;
  if (address === undefined || Number(port ?? 22) > 65535) throw wrong(host, `ProxyJump names no host in ${text}`);
  return { address, ...(user === undefined ? {} : { user }), ...(port === undefined ? {} : { port: Number(port) }) };
}

/**
 * What Ciphers, MACs and KexAlgorithms leave of the algorithms that coreup knows.
 *
 * @throws InputError SSH_CONFIG where that is nothing
 */
function allowed(
  printed: (key: string) => string | undefined,
  host: string,
): Partial<Record<Restricted, readonly string[]>> {
  const lists = Object.entries(RESTRICTED).flatMap(([list, [key, name]]) => {
    const known: readonly string[] = ALGORITHMS[list as Restricted];
    const wanted = printed(key)?.split(',');
    const left = wanted === undefined ? known : known.filter((algorithm) => wanted.includes(algorithm));
    if (left.length === 0) throw wrong(host, `${name} allows none of those that coreup knows (${known.join(', ')})`);
    return left.length === known.length ? [] : [[list, left] as const];
  });
  return Object.fromEntries(lists);
}

function isFileHere(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false; // nor is what may not be looked at
  }
}

function agentOf(
  socket: string | undefined,
  given: string | undefined,
  { environment }: Surroundings,
  path: (text: string) => string,
): string | false | undefined {
  if (given === undefined) return undefined;
  if (socket === undefined) return false;
  if (socket === 'SSH_AUTH_SOCK') return environment.SSH_AUTH_SOCK ?? false;
  const variable = /^\$(\w+)$/.exec(socket)?.[1];
  return variable === undefined ? path(socket) : (environment[variable] ?? false);
}

/** `none` is how ssh_config says that there is none. */
function none(value: string | undefined): string | undefined {
  return value === undefined || value === '' || value.toLowerCase() === 'none' ? undefined : value;
}

function wrong(host: string, what: string): InputError {
  return new InputError(`the ssh configuration for ${host} cannot be used: ${what}`, {
    code: 'SSH_CONFIG',
    hint: `See what ssh makes of it: ssh -G ${host}`,
  });
}
