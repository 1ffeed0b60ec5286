import type { SshTarget } from './port.js';
import type { CoreupError } from '../util/errors.js';
import { sshError } from './errors.js';
import { appendKnownHost, readKnownHosts } from './known-hosts-file.js';
import { fingerprint, hostName, keyType, lookup, parsePublicKey, verdict } from './known-hosts.js';

/** Asks a person whether an unknown host is the right one. */
export type ConfirmHost = (question: {
  readonly target: SshTarget;
  /** `SHA256:…`, to compare with what `ssh-keygen -lf` prints on the host's console. */
  readonly fingerprint: string;
  readonly type: string;
}) => Promise<boolean>;

export interface TrustOptions {
  readonly knownHostsFile: string;
  /** Pin the key of a host that known_hosts does not know, without asking (like `StrictHostKeyChecking accept-new`). */
  readonly acceptNew?: boolean;
  readonly confirm?: ConfirmHost;
}

/** Decides whether a host is the one it should be. */
export interface HostTrust {
  /** Types of the keys pinned for this host; empty where none is. */
  pinnedTypes(target: SshTarget): Promise<string[]>;
  /** @throws CoreupError when the key must not be trusted */
  verify(target: SshTarget, key: Buffer): Promise<void>;
  /** The error for a host that offers no key of the pinned types. */
  otherType(target: SshTarget): Promise<CoreupError>;
}

export function createHostTrust(options: TrustOptions): HostTrust {
  const { knownHostsFile: file } = options;
  let questions: Promise<unknown> = Promise.resolve(); // a person answers one at a time

  async function pins(target: SshTarget): Promise<{ key: Buffer; where: string }[]> {
    if (target.hostKey !== undefined) return [{ key: configuredKey(target, target.hostKey), where: 'the config' }];
    const about = lookup(await readKnownHosts(file), target.address, target.port);
    return about
      .filter((entry) => entry.marker === undefined)
      .map((entry) => ({ key: entry.key, where: `${file}:${entry.line}` }));
  }

  async function changed(target: SshTarget, received: string): Promise<CoreupError> {
    const expected = (await pins(target)).map(({ key, where }) => `${fingerprint(key)} (${keyType(key)}, ${where})`);
    return sshError(
      target,
      'SSH_HOST_KEY_CHANGED',
      `the host key has changed: expected ${expected.join(' or ')}, received ${received}`,
      {
        hint:
          'Somebody may be in between, or the host was installed again. Compare with `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` ' +
          (target.hostKey === undefined
            ? `on the host's console; if the new key is right, run: ssh-keygen -f '${file}' -R '${hostName(target.address, target.port)}'`
            : "on the host's console; if the new key is right, put it into the config."),
      },
    );
  }

  async function agreed(target: SshTarget, key: Buffer): Promise<boolean> {
    if (target.hostKey !== undefined || options.acceptNew === true) return true;
    const { confirm } = options;
    if (confirm === undefined) return false;
    const question = { target, fingerprint: fingerprint(key), type: keyType(key) ?? 'unknown' };
    const answer = questions.then(() => confirm(question));
    questions = answer.catch(() => undefined);
    return answer;
  }

  return {
    async pinnedTypes(target) {
      return [...new Set((await pins(target)).flatMap(({ key }) => keyType(key) ?? []))];
    },

    async verify(target, key) {
      const known = verdict(await readKnownHosts(file), target.address, target.port, key);
      const received = `${fingerprint(key)} (${keyType(key) ?? 'unknown type'})`;
      if (known === 'revoked') {
        throw sshError(target, 'SSH_HOST_KEY_REVOKED', `the host shows a revoked key, ${received}`, {
          hint: `The key is marked @revoked in ${file}. Give the host a new key, or remove that line if it is wrong.`,
        });
      }
      if (target.hostKey !== undefined && !configuredKey(target, target.hostKey).equals(key)) {
        throw await changed(target, received);
      }
      if (known === 'match' || (known === 'changed' && target.hostKey !== undefined)) return;
      if (known === 'changed') throw await changed(target, received);
      if (!(await agreed(target, key))) {
        throw sshError(target, 'SSH_HOST_KEY_UNKNOWN', `the host key ${received} is not known`, {
          hint:
            "Compare it with `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on the host's console. If it is right, " +
            `put the key into the config or into ${file}.`,
        });
      }
      await appendKnownHost(file, target.address, target.port, key);
    },

    otherType(target) {
      return changed(target, 'an offer without any key of that type');
    },
  };
}

function configuredKey(target: SshTarget, text: string): Buffer {
  const key = parsePublicKey(text);
  if (key !== undefined) return key;
  throw sshError(target, 'SSH_HOST_KEY_INVALID', 'the host key in the config is not an SSH public key', {
    hint: 'Give it as in /etc/ssh/ssh_host_ed25519_key.pub: ssh-ed25519 AAAA…',
  });
}
