import { hostname, homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import pLimit from 'p-limit';
import { InputError } from '../util/errors.js';
import { parseClientConfig, type ClientConfig } from './client-config-parse.js';
import type { Surroundings } from './path-tokens.js';

export interface ClientConfigOptions {
  /** The ssh_config file to ask instead of the user's and the machine's; `false` asks none. */
  readonly file?: string | false;
  /** The ssh client. */
  readonly program?: string;
}

/** What is said about a host already; it goes before what the configuration says, and `Match` sees it. */
export interface Given {
  readonly user?: string | undefined;
  readonly port?: number | undefined;
}

/** Milliseconds for one answer; a `Match exec` may look something up. */
const TIMEOUT = 10_000;
/** How many ssh processes run at once. */
const PARALLEL = 8;

/**
 * The user's ssh configuration, as the real ssh reads it: each host is asked about once with `ssh -G`, so that Include,
 * Match, wildcards and the order of lines mean what they mean to ssh.
 */
export class SshClientConfig {
  readonly #limit = pLimit(PARALLEL);
  readonly #answers = new Map<string, Promise<ClientConfig>>();
  readonly #around: Surroundings;
  #missing = false;

  constructor(private readonly options: ClientConfigOptions = {}) {
    this.#around = surroundings();
  }

  /** Whether there turned out to be no ssh client on this machine to ask. */
  get clientIsMissing(): boolean {
    return this.#missing;
  }

  /** @throws InputError SSH_CONFIG where ssh refuses its configuration */
  of(host: string, given: Given = {}): Promise<ClientConfig> {
    const key = JSON.stringify([host, given.user, given.port]);
    const known = this.#answers.get(key);
    if (known !== undefined) return known;
    const answer = this.options.file === false ? Promise.resolve(this.#plain(host, given)) : this.#ask(host, given);
    this.#answers.set(key, answer);
    return answer;
  }

  async #ask(host: string, given: Given): Promise<ClientConfig> {
    const { file, program = 'ssh' } = this.options;
    const args = [
      '-G',
      ...(typeof file === 'string' ? ['-F', file] : []),
      ...(given.user === undefined ? [] : ['-l', given.user]),
      ...(given.port === undefined ? [] : ['-p', String(given.port)]),
      '--',
      host,
    ];
    const ended = await this.#limit(() =>
      execa(program, args, { stdin: 'ignore', reject: false, timeout: TIMEOUT, stripFinalNewline: true }),
    );
    if (ended.code === 'ENOENT') {
      this.#missing = true;
      return this.#plain(host, given);
    }
    if (ended.failed) {
      const said = ended.timedOut ? `no answer within ${TIMEOUT / 1000} s` : ended.stderr.trim().split('\n').join('; ');
      throw new InputError(`ssh refuses its configuration for ${host}: ${said || ended.shortMessage}`, {
        code: 'SSH_CONFIG',
        hint: `Mend it until this works: ${program} ${args.join(' ')}`,
      });
    }
    return parseClientConfig(ended.stdout, host, this.#around);
  }

  /** What ssh does without any configuration. */
  #plain(host: string, { user, port }: Given): ClientConfig {
    const { home, localUser } = this.#around;
    const files = ['known_hosts', 'known_hosts2'];
    return {
      address: host,
      port: port ?? 22,
      user: user ?? localUser,
      identityFiles: ['id_ed25519', 'id_ecdsa', 'id_rsa'].map((name) => join(home, '.ssh', name)),
      identitiesOnly: false,
      jumps: [],
      knownHostsFiles: [
        ...files.map((name) => join(home, '.ssh', name)),
        ...files.map((name) => join('/etc/ssh', `ssh_${name}`)),
      ],
      ignored: [],
    };
  }
}

function surroundings(): Surroundings {
  const shared = { localHost: hostname(), environment: process.env };
  try {
    const { homedir: home, username, uid } = userInfo();
    return { ...shared, home, localUser: username, uid };
  } catch {
    // Nobody in the user database has this uid; ssh would refuse to work.
    return { ...shared, home: homedir(), localUser: process.env.USER ?? 'root', uid: process.getuid?.() ?? 0 };
  }
}
