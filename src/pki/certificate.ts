import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';

/** What there is to know of a certificate without its key. Read with node's own parser, which costs next to nothing. */
export interface Certificate {
  /** The certificate alone, in PEM. */
  readonly pem: string;
  /** Its common name. */
  readonly subject: string;
  /** DNS names and IP addresses of its subjectAltName, sorted. */
  readonly names: readonly string[];
  readonly validFrom: Date;
  readonly validTo: Date;
  /** sha256 in hex. */
  readonly fingerprint: string;
  /** Whether `authority` has signed it. */
  isFrom(authority: Certificate): boolean;
}

/** An end of line after each block, whatever wrote it. */
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/;
const KEY = /-----BEGIN (?:ENCRYPTED |EC )?PRIVATE KEY-----[\s\S]+?-----END (?:ENCRYPTED |EC )?PRIVATE KEY-----/;

/**
 * @param text PEM with a certificate, and perhaps a key beside it
 * @returns undefined where there is no certificate that can be read
 */
export function readCertificate(text: string): Certificate | undefined {
  const [pem] = CERTIFICATE.exec(text) ?? [];
  if (pem === undefined) return undefined;
  try {
    const parsed = new X509Certificate(pem);
    return {
      pem: `${pem}\n`,
      subject: /^CN=(.*)$/m.exec(parsed.subject)?.[1] ?? '',
      names: namesOf(parsed.subjectAltName ?? ''),
      validFrom: new Date(parsed.validFrom),
      validTo: new Date(parsed.validTo),
      fingerprint: parsed.fingerprint256.replaceAll(':', '').toLowerCase(),
      isFrom: (authority) => parsed.verify(new X509Certificate(authority.pem).publicKey),
    };
  } catch {
    return undefined;
  }
}

/** The private key in a PEM text, protected or not; undefined where there is none. */
export function keyIn(text: string): string | undefined {
  const [key] = KEY.exec(text) ?? [];
  return key === undefined ? undefined : `${key}\n`;
}

/** As OpenSSL prints them: `DNS:core-01, IP Address:10.0.0.1`. Names that coreup asks for have no commas in them. */
function namesOf(text: string): readonly string[] {
  const names = text.split(', ').flatMap((entry) => /^(?:DNS|IP Address):(.+)$/.exec(entry)?.[1] ?? []);
  return sortedNames(names);
}

/** Names as they are compared: each once, sorted, IPv6 addresses in one spelling. */
export function sortedNames(names: readonly string[]): readonly string[] {
  return [...new Set(names.map(oneSpelling))].sort();
}

function oneSpelling(name: string): string {
  return isIP(name) === 6 ? new URL(`http://[${name}]/`).hostname.slice(1, -1) : name.toLowerCase();
}
