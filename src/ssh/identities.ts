import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type ssh2 from 'ssh2';
import type { AnyAuthMethod, ParsedKey } from 'ssh2';
import { messageOf } from '../util/errors.js';
import { agentWithOnly } from './agent.js';
import { sshError } from './errors.js';
import { publicBlobOf } from './keys.js';
import type { SshTarget } from './port.js';

/** One way to log in, in the order in which they are offered. */
export interface Identity {
  /** For messages: the key's file, or the agent. */
  readonly label: string;
  readonly method: AnyAuthMethod;
}

export interface IdentityOptions {
  /** Socket of the ssh agent, as in SSH_AUTH_SOCK; undefined where there is none. */
  readonly agent: string | undefined;
  /** Where `.ssh` is; the user's home directory by default. */
  readonly home?: string;
}

/** What `ssh` itself tries without an IdentityFile, newest kind first. */
const DEFAULT_KEYS = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

type Ssh2 = typeof ssh2;
type LoadedKey =
  | { readonly state: 'ready'; readonly key: ParsedKey }
  | { readonly state: 'encrypted'; readonly publicBlob: Buffer | undefined };

/** Reads keys, each file once, and finds the ones to offer to a host. */
export class Identities {
  readonly #files = new Map<string, Promise<LoadedKey>>();

  constructor(private readonly options: IdentityOptions) {}

  /**
   * With an identity file only that key; otherwise the agent's and the user's usual keys.
   *
   * @throws CoreupError SSH_KEY_MISSING, SSH_KEY_INVALID, SSH_KEY_ENCRYPTED or SSH_NO_KEY
   */
  async of(target: SshTarget, library: Ssh2): Promise<Identity[]> {
    return target.identityFile === undefined
      ? this.#usual(target, library)
      : [await this.#fromFile(target, target.identityFile, library)];
  }

  async #fromFile(target: SshTarget, file: string, library: Ssh2): Promise<Identity> {
    let loaded: LoadedKey;
    try {
      loaded = await this.#load(file, library);
    } catch (error) {
      const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      throw sshError(
        target,
        missing ? 'SSH_KEY_MISSING' : 'SSH_KEY_INVALID',
        missing
          ? `the private key ${file} does not exist`
          : `the private key ${file} cannot be used: ${messageOf(error)}`,
        {
          hint: "Set ssh.identity_file (or the host's identity_file) to a private key that the host accepts.",
          cause: error,
        },
      );
    }
    if (loaded.state === 'ready') return publicKey(target, file, loaded.key);
    const { agent } = this.options;
    if (agent === undefined) throw encrypted(target, file);
    return {
      label: `${file} (in the agent)`,
      method: { type: 'agent', username: target.user, agent: agentWithOnly(library, agent, loaded.publicBlob) },
    };
  }

  async #usual(target: SshTarget, library: Ssh2): Promise<Identity[]> {
    const { agent, home = homedir() } = this.options;
    const found: Identity[] = [];
    let locked: string | undefined;
    if (agent !== undefined) {
      found.push({ label: `the keys of the agent ${agent}`, method: { type: 'agent', username: target.user, agent } });
    }
    for (const name of DEFAULT_KEYS) {
      const file = join(home, '.ssh', name);
      const loaded = await this.#load(file, library).catch(() => undefined);
      if (loaded?.state === 'ready') found.push(publicKey(target, file, loaded.key));
      if (loaded?.state === 'encrypted') locked ??= file;
    }
    if (found.length > 0) return found;
    if (locked !== undefined) throw encrypted(target, locked);
    throw sshError(target, 'SSH_NO_KEY', `there is no key to log in with as ${target.user}`, {
      hint: `Set ssh.identity_file, start an agent (ssh-add), or make a key: ssh-keygen -t ed25519`,
    });
  }

  #load(file: string, library: Ssh2): Promise<LoadedKey> {
    const known = this.#files.get(file);
    if (known !== undefined) return known;
    const loading = load(file, library);
    this.#files.set(file, loading);
    loading.catch(() => this.#files.delete(file)); // it may be there the next time
    return loading;
  }
}

async function load(file: string, library: Ssh2): Promise<LoadedKey> {
  const text = await readFile(file, 'utf8');
  // One file holds one key; ssh2's types say otherwise only for its old PPK reader.
  const parsed: ParsedKey | Error | undefined = [library.utils.parseKey(text)].flat()[0];
  if (parsed instanceof Error || parsed === undefined) {
    const reason = messageOf(parsed ?? 'it is empty');
    if (/encrypted/i.test(reason)) return { state: 'encrypted', publicBlob: publicBlobOf(text) };
    throw new Error(reason);
  }
  if (!parsed.isPrivateKey()) throw new Error('it is a public key');
  return { state: 'ready', key: parsed };
}

function publicKey(target: SshTarget, file: string, key: ParsedKey): Identity {
  return { label: file, method: { type: 'publickey', username: target.user, key } };
}

function encrypted(target: SshTarget, file: string) {
  return sshError(target, 'SSH_KEY_ENCRYPTED', `the private key ${file} is protected by a passphrase`, {
    hint: `Load it into an agent first: eval "$(ssh-agent)"; ssh-add '${file}'`,
  });
}
