import { glob } from './glob.js';
import { canVerify, signs } from './public-keys.js';
import { keyType } from './known-hosts.js';
import { field, WireReader } from './wire.js';

/** What an authority says about a host's key (OpenSSH, PROTOCOL.certkeys). */
export interface HostCertificate {
  /** The key that it is about, as the host shows it without a certificate. */
  readonly key: Buffer;
  readonly forHost: boolean;
  readonly keyId: string;
  readonly principals: readonly string[];
  /** Seconds since 1970: valid from the first one on, no more from the second one on. */
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  /** Names of options that must be understood by whoever accepts it. */
  readonly criticalOptions: readonly string[];
  /** The authority's public key. */
  readonly authority: Buffer;
  /** How the authority has signed, such as `rsa-sha2-512`. */
  readonly algorithm: string;
  /** Whether the signature is the authority's. */
  readonly signed: boolean;
}

/** The kinds of certificates: the plain type of their key, and how many fields such a key has. */
const KINDS: Readonly<Record<string, readonly [plain: string, fields: number]>> = {
  'ssh-ed25519-cert-v01@openssh.com': ['ssh-ed25519', 1],
  'ecdsa-sha2-nistp256-cert-v01@openssh.com': ['ecdsa-sha2-nistp256', 2],
  'ecdsa-sha2-nistp384-cert-v01@openssh.com': ['ecdsa-sha2-nistp384', 2],
  'ecdsa-sha2-nistp521-cert-v01@openssh.com': ['ecdsa-sha2-nistp521', 2],
  'ssh-rsa-cert-v01@openssh.com': ['ssh-rsa', 2],
};
const HOST = 2;

/** Reads a certificate; undefined where the bytes are none, or one of another kind. */
export function parseHostCertificate(blob: Buffer): HostCertificate | undefined {
  try {
    const reader = new WireReader(blob);
    const [plain, count] = KINDS[reader.text()] ?? [];
    if (plain === undefined) return undefined;
    reader.string(); // nonce
    const parts = Array.from({ length: count ?? 0 }, () => field(reader.string()));
    reader.uint64(); // serial
    const type = reader.uint32();
    const keyId = reader.string().toString('utf8');
    const principals = strings(reader.string());
    const [validAfter, validBefore] = [reader.uint64(), reader.uint64()];
    // Names and values by turns.
    const criticalOptions = strings(reader.string()).filter((_, index) => index % 2 === 0);
    reader.string(); // extensions, of which none mean anything for a host
    reader.string(); // reserved
    const authority = reader.string();
    const signedPart = blob.subarray(0, reader.position);
    const signature = reader.string();
    if (!reader.ended) return undefined;
    return {
      key: Buffer.concat([field(plain), ...parts]),
      forHost: type === HOST,
      keyId,
      principals,
      validAfter,
      validBefore,
      criticalOptions,
      authority,
      algorithm: new WireReader(signature).text(),
      signed: signs(authority, signedPart, signature),
    };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

export interface CertificateQuestion {
  /** The name that the host was asked for by, in lower case. */
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** How authorities may sign (CASignatureAlgorithms); every safe way where absent. */
  readonly algorithms?: readonly string[] | undefined;
}

/**
 * Says why a certificate does not stand for a host, whoever its authority is; undefined where it does. The rules are
 * those of OpenSSH 10.3: principals may be patterns, and a certificate without any is for nobody (before, for everybody).
 */
export function flawOf(
  certificate: HostCertificate,
  { name, now, algorithms }: CertificateQuestion,
): string | undefined {
  const { principals, validAfter, validBefore, criticalOptions, algorithm } = certificate;
  const type = keyType(certificate.authority);
  const seconds = BigInt(Math.floor(now / 1000));
  if (!canVerify(type)) return `an authority's key of type ${type ?? 'unknown'} cannot be checked`;
  if (algorithm === 'ssh-rsa') return 'it is signed with SHA-1, which is not safe';
  if (!certificate.signed) return 'its signature is not the authority’s';
  if (algorithms?.includes(algorithm) === false) return `CASignatureAlgorithms does not allow ${algorithm}`;
  if (!certificate.forHost) return 'it is a user certificate';
  if (seconds < validAfter) return `it is not valid before ${date(validAfter)}`;
  if (seconds >= validBefore) return `it expired on ${date(validBefore)}`;
  if (criticalOptions.length > 0) return `it has an option that no host certificate may have (${criticalOptions[0]})`;
  if (principals.length === 0) return 'it names no host';
  if (!principals.some((pattern) => glob(pattern.toLowerCase(), name))) {
    return `it is for ${principals.join(', ')}, not for ${name}`;
  }
  return undefined;
}

function strings(bytes: Buffer): string[] {
  const reader = new WireReader(bytes);
  const found: string[] = [];
  while (!reader.ended) found.push(reader.string().toString('utf8'));
  return found;
}

/** Far beyond what a Date holds, for ever is meant. */
function date(seconds: bigint): string {
  const milliseconds = seconds * 1000n;
  return milliseconds > 8_640_000_000_000_000n ? 'no day at all' : new Date(Number(milliseconds)).toISOString();
}
