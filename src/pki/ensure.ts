import { randomBytes, type KeyObject } from 'node:crypto';
import { CoreupError, messageOf } from '../util/errors.js';
import { sortedNames, type Certificate } from './certificate.js';
import type { Authorities, Entry, Identity, Kind, PkiStore, Renewal } from './store.js';
import type { Use } from './issue.js';

/** A certificate that there must be. */
export interface Wanted extends Identity {
  /** DNS names and IP addresses that it is good for. */
  readonly names: readonly string[];
}

export interface EnsureOptions {
  /** The name of the cluster. */
  readonly cluster: string;
  readonly now: Date;
  /** Asked for where the authority's key is protected; `again` after a wrong answer. undefined: nobody knows it. */
  passphrase(again: boolean): Promise<string | undefined>;
  /** Protects the key of an authority that is made now. */
  newPassphrase(): Promise<string | undefined>;
  /** Told what is issued and why. */
  note(text: string): void;
  /** The cluster runs with certificates: a new authority would be a stranger to it. */
  readonly running: boolean;
}

const DAY = 86_400_000;
export const AUTHORITY_DAYS = 3650;
export const LEAF_DAYS = 365;
/** Days before its end at which a certificate is replaced by the next `up`. */
export const RENEW_DAYS = 30;
/** Hosts may have a clock that is behind. */
const BACKDATED = DAY;
const USES: Readonly<Record<Kind, readonly Use[]>> = {
  // etcd's gateway is a client of its own server, and peers are clients of each other.
  server: ['server', 'client'],
  peer: ['server', 'client'],
  client: ['client'],
};
const MOST_TRIES = 3;

/**
 * Makes what is missing of a project's certificates, and renews what has other names, another authority or little time
 * left. What is there and good stays as it is, so a second run makes nothing.
 *
 * @returns the authorities and the certificates in the order of `wanted`
 * @throws CoreupError PKI_LOST, PKI_PASSPHRASE
 */
export async function ensurePki(
  store: PkiStore,
  wanted: readonly Wanted[],
  options: EnsureOptions,
): Promise<{ readonly authorities: Authorities; readonly entries: readonly Entry[] }> {
  const authorities = (await store.authorities()) ?? (await found(store, options));
  const renewal = await store.renewal();
  const present = await Promise.all(wanted.map((identity) => store.entry(identity)));
  const due = wanted.flatMap((identity, at) => {
    const reason = whyDue(present[at]?.certificate, identity, { authorities, renewal, now: options.now });
    return reason === undefined ? [] : [{ identity, at, reason }];
  });
  if (due.length === 0) return { authorities, entries: present.flatMap((entry) => entry ?? []) };
  const { issue } = await import('./issue.js');
  const key = await unlock(authorities.issuer, options);
  for (const { identity, reason } of due) {
    const { member, kind, names } = identity;
    const issued = await issue(authorities.issuer.certificate, key, {
      subject: member ?? 'coreup',
      names: sortedNames(names),
      uses: USES[kind],
      ...validity(options.now, LEAF_DAYS),
    });
    await store.write(identity, issued.certificate + issued.key);
    if (reason !== MISSING) options.note(`${member ?? 'coreup'}: the ${kind} certificate is renewed: it ${reason}`);
  }
  const entries = await Promise.all(wanted.map((identity) => store.entry(identity)));
  return { authorities, entries: entries.flatMap((entry) => entry ?? []) };
}

/** A new authority for a cluster, as text for the store. */
export async function newAuthority(cluster: string, now: Date, passphrase: string | undefined): Promise<string> {
  const { makeAuthority } = await import('./issue.js');
  // Two authorities of one cluster must differ in name: during a change both are trusted.
  const subject = `${cluster} CA ${randomBytes(4).toString('hex')}`;
  const { certificate, key } = await makeAuthority({ subject, ...validity(now, AUTHORITY_DAYS) }, passphrase);
  return certificate + key;
}

async function found(store: PkiStore, options: EnsureOptions): Promise<Authorities> {
  if (options.running) {
    throw new CoreupError(`the authority of this cluster's certificates is not in ${store.directory}`, {
      code: 'PKI_LOST',
      hint: 'The members trust that one alone. Bring .coreup/pki back from a copy, or from the machine that set the cluster up.',
    });
  }
  await store.writeAuthority(await newAuthority(options.cluster, options.now, await options.newPassphrase()));
  const made = await store.authorities();
  if (!made) throw new RangeError('the authority that was just made is not there');
  return made;
}

/**
 * The private key of the authority, opened.
 *
 * @throws CoreupError PKI_PASSPHRASE
 */
export async function unlock({ key }: Entry, { passphrase }: Pick<EnsureOptions, 'passphrase'>): Promise<KeyObject> {
  const { isProtected, openKey } = await import('./issue.js');
  if (key === '') throw failed('its key is not there', 'Bring .coreup/pki back from a copy.');
  if (!isProtected(key)) return openKey(key);
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const given = await passphrase(tries > 0);
    if (given === undefined || given === '') break;
    try {
      return openKey(key, given);
    } catch (error) {
      if (!/bad decrypt|passphrase|DECODER|unsupported|asn1/i.test(messageOf(error))) throw error;
    }
  }
  throw failed(
    'its key is protected by a passphrase, and the right one was not given',
    'Run it on a terminal, which asks for it; elsewhere name a file that holds it in COREUP_CA_PASSPHRASE_FILE.',
  );
}

function failed(reason: string, hint: string): CoreupError {
  return new CoreupError(`the certificate authority cannot sign: ${reason}`, { code: 'PKI_PASSPHRASE', hint });
}

const MISSING = 'is missing';

/** Why a certificate must be made (anew); undefined for a good one. Pure. */
export function whyDue(
  present: Certificate | undefined,
  { member, names }: Wanted,
  {
    authorities,
    renewal,
    now,
  }: { readonly authorities: Authorities; readonly renewal: Renewal | undefined; readonly now: Date },
): string | undefined {
  if (!present) return MISSING;
  if (!present.isFrom(authorities.issuer.certificate)) return 'is signed by another authority';
  if (sortedNames(names).join() !== present.names.join()) return 'has other names';
  const left = daysLeft(present, now);
  if (left < RENEW_DAYS) return left < 0 ? 'has ended' : `ends in ${Math.floor(left)} days`;
  const asked = renewal && (renewal.members === undefined || renewal.members.includes(member ?? ''));
  // Dates in certificates have whole seconds.
  const issued = present.validFrom.getTime() + BACKDATED;
  return asked && issued < Math.floor(renewal.since.getTime() / 1000) * 1000 ? 'was to be renewed' : undefined;
}

/** Days until a certificate ends, negative after it. */
export function daysLeft({ validTo }: Certificate, now: Date): number {
  return (validTo.getTime() - now.getTime()) / DAY;
}

function validity(now: Date, days: number): { readonly validFrom: Date; readonly validTo: Date } {
  return { validFrom: new Date(now.getTime() - BACKDATED), validTo: new Date(now.getTime() + days * DAY) };
}
