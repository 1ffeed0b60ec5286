import { createPrivateKey, KeyObject, randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import type { Certificate } from './certificate.js';

/** What a certificate is for; peers and servers of etcd are clients of each other, too. */
export type Use = 'server' | 'client';

export interface Request {
  /** The common name, which says whose it is. */
  readonly subject: string;
  /** DNS names and IP addresses. */
  readonly names: readonly string[];
  readonly uses: readonly Use[];
  readonly validFrom: Date;
  readonly validTo: Date;
}

/** A certificate with its key, both in PEM. */
export interface Issued {
  readonly certificate: string;
  readonly key: string;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/**
 * Makes a certificate authority that signs itself.
 *
 * @param passphrase protects the key (PKCS #8, AES-256); without one the key is as it is
 */
export async function makeAuthority(
  { subject, validFrom, validTo }: Omit<Request, 'names' | 'uses'>,
  passphrase?: string,
): Promise<Issued> {
  const x509 = await library();
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: [{ CN: [subject] }],
    notBefore: validFrom,
    notAfter: validTo,
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    certificate: `${certificate.toString('pem')}\n`,
    key: exportKey(KeyObject.from(keys.privateKey), passphrase),
  };
}

/** Makes a key, and a certificate for it that the authority signs. */
export async function issue(authority: Certificate, authorityKey: KeyObject, request: Request): Promise<Issued> {
  const x509 = await library();
  const keys = await newKeys();
  const signingKey = await webcrypto.subtle.importKey(
    'pkcs8',
    authorityKey.export({ type: 'pkcs8', format: 'der' }),
    ALGORITHM,
    false,
    ['sign'],
  );
  const issuer = new x509.X509Certificate(authority.pem);
  const usages = { server: x509.ExtendedKeyUsage.serverAuth, client: x509.ExtendedKeyUsage.clientAuth };
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: [{ CN: [request.subject] }],
    issuer: issuer.subjectName,
    notBefore: request.validFrom,
    notAfter: request.validTo,
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(request.uses.map((use) => usages[use])),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      ...(request.names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(request.names.map(generalName))]),
    ],
  });
  return { certificate: `${certificate.toString('pem')}\n`, key: exportKey(KeyObject.from(keys.privateKey)) };
}

/**
 * @param pem a private key, protected or not
 * @throws Error where the passphrase is missing or not the right one
 */
export function openKey(pem: string, passphrase?: string): KeyObject {
  return createPrivateKey({ key: pem, ...(passphrase === undefined ? {} : { passphrase }) });
}

/** Whether a key asks for a passphrase. */
export function isProtected(pem: string): boolean {
  return pem.includes('ENCRYPTED');
}

/** A private key as PEM (PKCS #8). */
export function exportKey(key: KeyObject, passphrase?: string): string {
  const format = { type: 'pkcs8', format: 'pem' } as const;
  const text = key.export(passphrase === undefined ? format : { ...format, cipher: 'aes-256-cbc', passphrase });
  return text.toString();
}

async function library(): Promise<typeof import('./x509.js')> {
  const x509 = await import('./x509.js');
  x509.cryptoProvider.set(webcrypto);
  return x509;
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

/** 127 random bits: positive, as RFC 5280 (4.1.2.2) wants it. */
function serial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

function generalName(name: string): { readonly type: 'ip' | 'dns'; readonly value: string } {
  return { type: isIP(name) === 0 ? 'dns' : 'ip', value: name };
}
