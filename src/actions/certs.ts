import { daysLeft, RENEW_DAYS } from '../pki/ensure.js';
import type { Certificate } from '../pki/certificate.js';
import { KINDS, type Authorities, type Kind } from '../pki/store.js';
import { CoreupError } from '../util/errors.js';
import type { Project } from './project.js';
import { needsCertificates, pkiOf } from './transport.js';

interface Dates {
  readonly valid_to: string;
  /** Whole days that are left, negative once it has ended. */
  readonly days: number;
  /** sha256 in hex. */
  readonly fingerprint: string;
}

/** A certificate as it is kept on this machine. */
export interface CertificateReport extends Dates {
  /** null: coreup's own. */
  readonly member: string | null;
  readonly kind: Kind;
  readonly names: readonly string[];
}

export interface AuthorityReport extends Dates {
  readonly subject: string;
  /** During a rotation another one is trusted beside the one that signs. */
  readonly signs: boolean;
}

export interface CertsReport {
  /** How far a rotation has come; `settled` without one. */
  readonly rotation: Authorities['stage'];
  readonly authorities: readonly AuthorityReport[];
  readonly certificates: readonly CertificateReport[];
}

/** Days before its end from which on the authority is warned of: replacing it takes a person. */
const AUTHORITY_SOON = 180;

/**
 * What certificates there are, by what is kept on this machine.
 *
 * @throws CoreupError NO_CERTIFICATES where there are none; PKI_UNREADABLE
 */
export async function listCerts(project: Project, now = new Date()): Promise<CertsReport> {
  const store = pkiOf(project.state);
  const authorities = await store.authorities();
  if (!authorities) throw withoutCertificates(project);
  const dates = (certificate: Certificate): Dates => ({
    valid_to: certificate.validTo.toISOString(),
    days: Math.floor(daysLeft(certificate, now)),
    fingerprint: certificate.fingerprint,
  });
  const identities = [
    { kind: 'client' as const },
    ...(await store.members()).flatMap((member) => KINDS.map((kind) => ({ member, kind }))),
  ];
  const entries = await Promise.all(
    identities.map(async (identity) => ({ ...identity, entry: await store.entry(identity) })),
  );
  return {
    rotation: authorities.stage,
    authorities: authorities.trusted.map((certificate) => ({
      subject: certificate.subject,
      ...dates(certificate),
      signs: certificate.fingerprint === authorities.issuer.certificate.fingerprint,
    })),
    certificates: entries.flatMap(({ entry, kind, ...owner }) => {
      if (!entry) return [];
      const member = 'member' in owner ? owner.member : null;
      return [{ member, kind, ...dates(entry.certificate), names: entry.certificate.names }];
    }),
  };
}

/** What ends soon. */
export interface Expiring {
  /** A member, or `coreup`; absent for the authority. */
  readonly owner?: string;
  /** Such as `client certificate`. */
  readonly what: string;
  /** Such as `ends in 5 days`. */
  readonly ends: string;
  readonly remedy: string;
}

/** One sentence for each owner of certificates that end soon, and what to do. Pure. */
export function expiring(report: CertsReport): readonly string[] {
  return endingSoon(report).map(({ owner, what, ends, remedy }) => {
    return `${owner === undefined ? '' : `${owner}: `}the ${what} ${ends}: ${remedy}`;
  });
}

/** Whose certificates end soon: of each owner the one that ends first. Pure. */
export function endingSoon({ authorities, certificates }: CertsReport): readonly Expiring[] {
  const ends = (days: number): string =>
    days < 0 ? `ended ${-days} days ago` : `ends in ${days} ${days === 1 ? 'day' : 'days'}`;
  const soonest = new Map<string, CertificateReport>();
  for (const certificate of certificates.filter(({ days }) => days < RENEW_DAYS)) {
    const owner = certificate.member ?? 'coreup';
    const before = soonest.get(owner);
    if (!before || certificate.days < before.days) soonest.set(owner, certificate);
  }
  return [
    ...authorities
      .filter(({ signs, days }) => signs && days < AUTHORITY_SOON)
      .map(({ days }) => ({
        what: 'certificate authority',
        ends: ends(days),
        remedy: '`coreup certs rotate` replaces it',
      })),
    ...[...soonest].map(([owner, { kind, days }]) => {
      return { owner, what: `${kind} certificate`, ends: ends(days), remedy: '`coreup up` renews it' };
    }),
  ];
}

/** For a project whose etcd has no certificates of coreup's. */
export function withoutCertificates({ transport }: Project): CoreupError {
  const own = transport.plain === 'own-certificates';
  return new CoreupError('there are no certificates of coreup’s for this cluster', {
    code: 'NO_CERTIFICATES',
    hint: own
      ? 'Its user-data or config.ts names certificates of yours, which coreup leaves alone.'
      : needsCertificates(transport)
        ? '`coreup up` makes them.'
        : 'etcd speaks plain http; `etcd: { tls: true }` in config.ts gives it TLS.',
  });
}
