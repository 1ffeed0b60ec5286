import { resolve } from 'node:path';
import { InputError } from '../util/errors.js';
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
  /** Settings that coreup cannot follow and that are no danger, such as `CertificateFile`. */
  readonly ignored: readonly string[];
}

/** Settings in ssh_config's spelling, by the name that `ssh -G` prints. */
const IGNORED: Readonly<Record<string, string>> = {
  certificatefile: 'CertificateFile',
  knownhostscommand: 'KnownHostsCommand',
};

/**
 * Reads what `ssh -G` prints: a lower-case keyword and its value a line, some keywords several times.
 *
 * @param host the name that ssh was asked about
 * @throws InputError SSH_CONFIG where a value cannot be used
 */
export function parseClientConfig(output: string, host: string, around: Surroundings): ClientConfig {
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
      (one(key) ?? '')
        .split(' ')
        .filter((file) => file !== '')
        .map(printed),
    ),
    ...(alias === undefined ? {} : { alias }),
    ...(revoked === undefined ? {} : { revoked: path(revoked) }),
    ...(caAlgorithms === undefined ? {} : { caAlgorithms }),
    ignored: Object.entries(IGNORED).flatMap(([key, name]) => (one(key) === undefined ? [] : [name])),
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
