import { homedir } from 'node:os';
import { join } from 'node:path';
import type ssh2 from 'ssh2';
import type { ParsedKey } from 'ssh2';
import { messageOf } from '../util/errors.js';
import { quote } from '../util/shell.js';
import { agentSigners, type Signer } from './agent.js';
import { sshError } from './errors.js';
import { KeyFiles, type LoadedKey } from './key-files.js';
import type { LockedKeys } from './locked-keys.js';
import type { SshTarget } from './port.js';

export interface IdentityOptions {
  /** Socket of the ssh agent, as in SSH_AUTH_SOCK; undefined where there is none. */
  readonly agent: string | undefined;
  /** Where `.ssh` is; the user's home directory by default. */
  readonly home?: string;
  readonly locked: LockedKeys;
}

/** The keys to offer to a host, in order. */
export interface Offer {
  readonly signers: readonly Signer[];
  /** Files that cannot be offered: they are protected, in no agent, and there is nobody to ask. */
  readonly locked: readonly string[];
}

/** What `ssh` itself tries without an IdentityFile, newest kind first. */
const DEFAULT_KEYS = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

type Ssh2 = typeof ssh2;

/** Finds the keys to offer to a host. */
export class Identities {
  readonly #files = new KeyFiles();

  constructor(private readonly options: IdentityOptions) {}

  /**
   * With an identity file only that key. Otherwise as ssh does (sshconnect2.c, pubkey_prepare): keys of the agent that
   * are also among the files, the agent's other keys unless the files alone are wanted, then the files.
   *
   * @throws CoreupError SSH_KEY_MISSING, SSH_KEY_INVALID, SSH_KEY_ENCRYPTED or SSH_NO_KEY; what asking for a passphrase
   *   throws
   */
  async of(target: SshTarget, library: Ssh2): Promise<Offer> {
    const { identityFile, identities } = target;
    const socket = this.#agentOf(target);
    const held = socket === undefined ? [] : await agentSigners(library, socket);
    const { home = homedir() } = this.options;
    const usual = DEFAULT_KEYS.map((name) => join(home, '.ssh', name));
    const files = identityFile === undefined ? (identities?.files ?? usual) : [identityFile];

    const fromAgent: Signer[] = [];
    const fromFiles: Signer[] = [];
    const locked: string[] = [];
    for (const file of files) {
      const loaded = await this.#load(target, file, library);
      if (loaded === undefined) continue;
      const inAgent = held.find(({ key }) => sameKey(key, halfOf(loaded)));
      if (inAgent) fromAgent.push({ ...inAgent, label: `${file} (in the agent)` });
      else if (loaded.state === 'ready') fromFiles.push(fileSigner(file, loaded.key));
      else if (loaded.state === 'encrypted') {
        const signer = await this.#lockedSigner(target, file, loaded, library);
        if (signer) fromFiles.push(signer);
        else locked.push(file);
      } else if (identityFile !== undefined) {
        throw unusable(target, file, `the private key ${file} cannot be used: it is a public key`);
      }
    }
    const only = identityFile !== undefined || identities?.only === true;
    const others = held.filter(({ key }) => !fromAgent.some((signer) => sameKey(signer.key, key)));
    const signers = [...fromAgent, ...(only ? [] : others), ...fromFiles];
    if (signers.length === 0) throw nothingToOffer(target, locked);
    return { signers, locked };
  }

  #agentOf({ identities }: SshTarget): string | undefined {
    const { agent } = identities ?? {};
    return agent === undefined ? this.options.agent : agent === false ? undefined : agent;
  }

  /** @returns undefined for a key that need not be there and cannot be used */
  async #load(target: SshTarget, file: string, library: Ssh2): Promise<LoadedKey | undefined> {
    try {
      return await this.#files.load(file, library);
    } catch (error) {
      if (target.identityFile === undefined) return undefined;
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
        throw unusable(target, file, `the private key ${file} does not exist`, 'SSH_KEY_MISSING', error);
      }
      const reason = messageOf(error);
      throw unusable(target, file, `the private key ${file} cannot be used: ${reason}`, 'SSH_KEY_INVALID', error);
    }
  }

  /** Asks when the server has accepted the key; right away for one that does not show its public half. */
  async #lockedSigner(
    target: SshTarget,
    file: string,
    { text, half }: Extract<LoadedKey, { state: 'encrypted' }>,
    library: Ssh2,
  ): Promise<Signer | undefined> {
    const { locked } = this.options;
    if (!locked.canAsk) return undefined;
    if (half === undefined) {
      if (target.identityFile === undefined && target.identities === undefined) return undefined;
      return fileSigner(file, await locked.open(file, text, library));
    }
    const open = async () => locked.open(file, text, library);
    return { label: file, key: half, sign: async (data, hash) => signature(await open(), data, hash) };
  }
}

function fileSigner(file: string, key: ParsedKey): Signer {
  // In a promise's turn: what the key refuses is a rejection then.
  return { label: file, key, sign: (data, hash) => Promise.resolve().then(() => signature(key, data, hash)) };
}

function signature(key: ParsedKey, data: Buffer, hash: string | undefined): Buffer {
  const signed: unknown = key.sign(data, hash);
  if (signed instanceof Error) throw signed;
  return signed as Buffer;
}

function halfOf(loaded: LoadedKey): ParsedKey | undefined {
  return loaded.state === 'ready' ? loaded.key : loaded.half;
}

function sameKey(one: ParsedKey, other: ParsedKey | undefined): boolean {
  return other !== undefined && one.getPublicSSH().equals(other.getPublicSSH());
}

function unusable(target: SshTarget, file: string, what: string, code = 'SSH_KEY_INVALID', cause?: unknown) {
  return sshError(target, code, what, {
    hint: `Set the host's identity_file to a private key that the host accepts; ${file} is what the config names.`,
    cause,
  });
}

function nothingToOffer(target: SshTarget, [locked]: readonly string[]) {
  if (locked === undefined) {
    return sshError(target, 'SSH_NO_KEY', `there is no key to log in with as ${target.user}`, {
      hint: `Set the host's identity_file, start an agent (ssh-add), or make a key: ssh-keygen -t ed25519`,
    });
  }
  return sshError(target, 'SSH_KEY_ENCRYPTED', `the private key ${locked} is protected by a passphrase`, {
    hint: `Load it into an agent first: eval "$(ssh-agent)"; ssh-add ${quote(locked)}. On a terminal coreup asks for it.`,
  });
}
