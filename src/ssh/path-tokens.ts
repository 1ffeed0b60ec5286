import { createHash } from 'node:crypto';
import { resolve } from 'node:path';

/** What is known of the user and the machine. */
export interface Surroundings {
  /** The user's home directory: for ssh the one in the user database, whatever HOME says. */
  readonly home: string;
  readonly localUser: string;
  readonly localHost: string;
  readonly uid: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** What a path in an ssh configuration may refer to. */
export interface TokenContext extends Surroundings {
  /** As it was typed. */
  readonly host: string;
  readonly address: string;
  readonly port: number;
  readonly user: string;
  readonly alias: string | undefined;
  readonly jump: string;
}

/**
 * Expands `~`, `%` tokens and `${VARIABLES}` in a path, as ssh_config(5) has it under TOKENS.
 *
 * @returns an absolute path; a relative one counts from the working directory, as with ssh
 * @throws RangeError for a token that does not exist, and a variable that is not set
 */
export function expandPath(text: string, context: TokenContext): string {
  const expanded = text
    .replace(/^~(?=\/|$)/, () => context.home.replaceAll('%', '%%'))
    .replace(/%(.?)/gs, (_, token: string) => tokenValue(token, context))
    .replace(/\$\{([^}]*)\}/g, (_, name: string) => {
      const value = context.environment[name];
      if (value === undefined) throw new RangeError(`the environment variable ${name} in ${text} is not set`);
      return value;
    });
  return resolve(expanded);
}

function tokenValue(token: string, context: TokenContext): string {
  const { home, localUser, localHost, uid, host, address, port, user, alias, jump } = context;
  switch (token) {
    case '%':
      return '%';
    case 'C':
      return createHash('sha1').update(`${localHost}${address}${port}${user}${jump}`).digest('hex');
    case 'd':
      return home;
    case 'h':
      return address;
    case 'i':
      return String(uid);
    case 'j':
      return jump;
    case 'k':
      return alias ?? host;
    case 'L':
      return localHost.split('.')[0] ?? localHost;
    case 'l':
      return localHost;
    case 'n':
      return host;
    case 'p':
      return String(port);
    case 'r':
      return user;
    case 'u':
      return localUser;
    default:
      throw new RangeError(`ssh has no token %${token}`);
  }
}
