import type { SshTarget } from './port.js';
import type { CoreupError } from '../util/errors.js';
import { quote } from '../util/shell.js';
import { sshError } from './errors.js';
import { flawOf, parseHostCertificate } from './host-certificate.js';
import { appendKnownHost, KnownHostsFiles } from './known-hosts-file.js';
import {
  authoritiesFor,
  fingerprint,
  hostName,
  keyType,
  parsePublicKey,
  pinnedFor,
  revocation,
  verdict,
  type KnownHost,
} from './known-hosts.js';
import { LEAST_RSA, rsaBits } from './public-keys.js';
import type { Questions } from './questions.js';
import { revokedBy } from './revoked-keys.js';

export interface HostKeyQuestion {
  readonly target: SshTarget;
  /** `SHA256:…`, to compare with what `ssh-keygen -lf` prints on the host's console. */
  readonly fingerprint: string;
  readonly type: string;
  /** Why its certificate does not count, where known_hosts trusts an authority for this host. */
  readonly flaw?: string;
}

/** What known_hosts' authorities say of a host, before it is logged in to. */
export interface Vouched {
  /** The key that the host must have. */
  readonly key?: Buffer;
  /** Why none of them vouches for it. */
  readonly flaw?: string;
}

/** Asks a person whether an unknown host is the right one. */
export type ConfirmHost = (question: HostKeyQuestion) => Promise<boolean>;

export interface TrustOptions {
  /** The project's own: read first, and the only one that is written to. */
  readonly knownHostsFile: string;
  /** Pin the key of a host that known_hosts does not know, without asking (like `StrictHostKeyChecking accept-new`). */
  readonly acceptNew?: boolean;
  readonly confirm?: ConfirmHost;
}

const COMPARE = "`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on the host's console";

/** Decides whether a host is the one it should be. */
export class HostTrust {
  readonly #files = new KnownHostsFiles();

  constructor(
    private readonly options: TrustOptions,
    private readonly questions: Questions,
  ) {}

  /** Types of the keys pinned for this host; empty where none is. */
  async pinnedTypes(target: SshTarget): Promise<string[]> {
    return [...new Set((await this.#pins(target)).flatMap(({ key }) => keyType(key) ?? []))];
  }

  /**
   * Looks at a host's certificate, where known_hosts trusts an authority for the host. As with ssh, one that does not
   * hold is as none.
   *
   * @param show gets the certificate from the host
   * @throws CoreupError SSH_HOST_KEY_REVOKED for a revoked authority; what `show` throws
   */
  async vouched(target: SshTarget, show: () => Promise<Buffer | undefined>): Promise<Vouched> {
    if (target.hostKey !== undefined) return {};
    const { address, port } = filedAs(target);
    const entries = await this.#entries(target);
    const authorities = authoritiesFor(entries, address, port);
    const [first] = authorities;
    if (first === undefined) return {};
    const place = placeOf(first);
    const blob = await show();
    if (blob === undefined) return { flaw: `the host shows no certificate of the authority that ${place} trusts` };
    const certificate = parseHostCertificate(blob);
    if (certificate === undefined) return { flaw: 'the host’s certificate cannot be read' };
    const { key, authority } = certificate;
    const authorityKnown = authorities.find((entry) => entry.key.equals(authority));
    if (certificate.signed)
      await this.#refuseRevoked(target, authority, entries, 'a certificate of a revoked authority');
    if (authorityKnown === undefined) {
      return { flaw: `its certificate is not of the authority that ${place} trusts, but of ${fingerprint(authority)}` };
    }
    const flaw = flawOf(certificate, {
      name: hostName(address, 22),
      now: Date.now(),
      algorithms: target.trust?.algorithms,
    });
    return flaw === undefined
      ? { key }
      : { flaw: `its certificate does not hold: ${flaw} (${placeOf(authorityKnown)})` };
  }

  /**
   * @param vouched what its certificate says
   * @throws CoreupError SSH_HOST_KEY_* when the key must not be trusted
   */
  async verify(target: SshTarget, key: Buffer, vouched: Vouched = {}): Promise<void> {
    const received = `${fingerprint(key)} (${keyType(key) ?? 'unknown type'})`;
    const { address, port } = filedAs(target);
    const entries = await this.#entries(target);
    await this.#refuseRevoked(target, key, entries);
    const least = Math.max(target.trust?.leastRsa ?? 0, LEAST_RSA);
    const bits = rsaBits(key);
    if (bits !== undefined && bits < least) throw tooShort(target, received, bits, least);
    if (vouched.key?.equals(key) === true) return;
    const flaw = vouched.key === undefined ? vouched.flaw : 'the host shows another key than its certificate is for';
    const known = verdict(entries, address, port, key);
    if (target.hostKey !== undefined) {
      if (!configuredKey(target, target.hostKey).equals(key)) throw await this.#changed(target, received);
      if (known !== 'unknown') return;
    }
    if (known === 'match') return;
    if (known === 'changed') throw await this.#changed(target, received);
    if (!(await this.#agreed(target, key, flaw))) throw this.#unknown(target, received, flaw);
    await appendKnownHost(this.options.knownHostsFile, { address, port, key });
  }

  /** The error for a host that offers no key of the pinned types. */
  otherType(target: SshTarget): Promise<CoreupError> {
    return this.#changed(target, 'an offer without any key of that type');
  }

  #entries(target: SshTarget): Promise<KnownHost[]> {
    return this.#files.entries(this.options.knownHostsFile, target.trust?.files);
  }

  async #pins(target: SshTarget): Promise<{ key: Buffer; where: string }[]> {
    if (target.hostKey !== undefined) return [{ key: configuredKey(target, target.hostKey), where: 'the config' }];
    const { address, port } = filedAs(target);
    return pinnedFor(await this.#entries(target), address, port).map((entry) => ({
      key: entry.key,
      where: placeOf(entry),
    }));
  }

  async #refuseRevoked(
    target: SshTarget,
    key: Buffer,
    entries: readonly KnownHost[],
    what = 'a revoked key',
  ): Promise<void> {
    const { address, port } = filedAs(target);
    const entry = revocation(entries, address, port, key);
    const place = entry ? placeOf(entry) : await revokedBy(target, key);
    if (place === undefined) return;
    throw sshError(target, 'SSH_HOST_KEY_REVOKED', `the host shows ${what}, ${fingerprint(key)} (${place})`, {
      hint: 'Give the host a new key (ssh-keygen -A after removing the old one); or remove that line if it is wrong.',
    });
  }

  async #changed(target: SshTarget, received: string): Promise<CoreupError> {
    const pins = await this.#pins(target);
    const expected = pins.map(({ key, where }) => `${fingerprint(key)} (${keyType(key)}, ${where})`);
    const { address, port } = filedAs(target);
    const files = [...new Set((await this.#entries(target)).flatMap(({ file }) => file ?? []))].filter((file) =>
      pins.some(({ where }) => where.startsWith(`${file}:`)),
    );
    const removal = files
      .map((file) => `ssh-keygen -f ${quote(file)} -R ${quote(hostName(address, port))}`)
      .join(' && ');
    return sshError(
      target,
      'SSH_HOST_KEY_CHANGED',
      `the host key has changed: expected ${expected.join(' or ')}, received ${received}`,
      {
        hint:
          `Somebody may be in between, or the host was installed again. Compare with ${COMPARE}; if the new key is right, ` +
          (target.hostKey === undefined ? `run: ${removal}` : 'put it into the config.'),
      },
    );
  }

  #unknown(target: SshTarget, received: string, flaw: string | undefined): CoreupError {
    const why = flaw === undefined ? '' : `; ${flaw}`;
    return sshError(target, 'SSH_HOST_KEY_UNKNOWN', `the host key ${received} is not known${why}`, {
      hint:
        `Compare it with ${COMPARE}. If it is right, give it as host_key in the config, log in once with ssh, or run ` +
        'coreup on a terminal, which asks.',
    });
  }

  async #agreed(target: SshTarget, key: Buffer, flaw: string | undefined): Promise<boolean> {
    if (target.hostKey !== undefined || this.options.acceptNew === true) return true;
    const { confirm } = this.options;
    if (confirm === undefined) return false;
    const question = {
      target,
      fingerprint: fingerprint(key),
      type: keyType(key) ?? 'unknown',
      ...(flaw !== undefined && { flaw }),
    };
    return this.questions.ask(() => confirm(question));
  }
}

/** The name under which known_hosts has a host: HostKeyAlias takes the place of address and port, as with ssh. */
export function filedAs({ address, port, trust }: SshTarget): { readonly address: string; readonly port: number } {
  return trust?.alias === undefined ? { address, port } : { address: trust.alias, port: 22 };
}

/** RSA keys shorter than ssh or the user wants are as good as none. */
function tooShort(target: SshTarget, received: string, bits: number, least: number): CoreupError {
  return sshError(target, 'SSH_HOST_KEY_WEAK', `the host key ${received} has ${bits} bits, fewer than ${least}`, {
    hint: 'Give the host another key (ssh-keygen -A makes one of each kind), or lower RequiredRSASize in your ssh config.',
  });
}

function placeOf(entry: KnownHost): string {
  return `${entry.file ?? 'known_hosts'}:${entry.line}`;
}

function configuredKey(target: SshTarget, text: string): Buffer {
  const key = parsePublicKey(text);
  if (key !== undefined) return key;
  throw sshError(target, 'SSH_HOST_KEY_INVALID', 'the host key in the config is not an SSH public key', {
    hint: 'Give it as in /etc/ssh/ssh_host_ed25519_key.pub: ssh-ed25519 AAAA…',
  });
}
