import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expiring, type AuthorityReport, type CertificateReport } from '../../../src/actions/certs.js';
import { partsLeft } from '../../../src/actions/certs-change.js';
import { keptFindings } from '../../../src/actions/doctor.js';
import { newAuthority } from '../../../src/pki/ensure.js';
import { PkiStore } from '../../../src/pki/store.js';

describe('certificates that end soon', () => {
  const dates = (days: number) => ({ days, valid_to: '2027-01-01T00:00:00.000Z', fingerprint: 'f' });
  const authority = (days: number, signs = true): AuthorityReport => ({ subject: 'CA', signs, ...dates(days) });
  const leaf = (member: string | null, kind: CertificateReport['kind'], days: number): CertificateReport => ({
    member,
    kind,
    names: [],
    ...dates(days),
  });
  const told = (authorities: readonly AuthorityReport[], ...certificates: readonly CertificateReport[]) =>
    expiring({ rotation: 'settled', authorities, certificates });

  it('are none where all have time', () => {
    expect(told([authority(180)], leaf('core-01', 'peer', 30), leaf(null, 'client', 364))).toEqual([]);
  });

  it('are told once for each owner, the one that ends first', () => {
    const soon = [leaf('core-01', 'server', 20), leaf('core-01', 'peer', 1), leaf(null, 'client', -3)];
    expect(told([authority(3000)], ...soon)).toEqual([
      'core-01: the peer certificate ends in 1 day: `coreup up` renews it',
      'coreup: the client certificate ended 3 days ago: `coreup up` renews it',
    ]);
  });

  it('are told of the authority that signs, half a year before, and not of the one that goes', () => {
    expect(told([authority(3, false), authority(179)])).toEqual([
      'the certificate authority ends in 179 days: `coreup certs rotate` replaces it',
    ]);
  });

  it('are findings of doctor where they are kept on this machine alone', () => {
    const certificates = [leaf('core-01', 'peer', 1), leaf(null, 'client', 2)];
    const findings = keptFindings({ rotation: 'settled', authorities: [authority(100)], certificates });
    expect(findings.map(({ severity, where, what, advice }) => [severity, where, what, advice])).toEqual([
      [
        'warning',
        'the cluster',
        'has a certificate authority that ends in 100 days',
        '`coreup certs rotate` replaces it.',
      ],
      [
        'warning',
        'this machine',
        "has a client certificate of coreup's own that ends in 2 days",
        '`coreup up` renews it.',
      ],
    ]);
  });
});

describe('a rotation of the authority', () => {
  let directory: string;
  let store: PkiStore;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'coreup-certs-'));
    store = new PkiStore(directory);
    await store.writeAuthority(await newAuthority('c', new Date(), undefined));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const left = async () => partsLeft((await store.authorities())?.stage ?? 'settled').map(({ stage }) => stage);
  const trusted = async () => (await store.authorities())?.trusted.map(({ fingerprint }) => fingerprint) ?? [];

  it('is one of three parts, and what it has come to is to be done again after an interruption', async () => {
    expect(await left()).toEqual(['introduced', 'replaced', 'settling']);
    await store.introduce(await newAuthority('c', new Date(), undefined));
    expect(await left()).toEqual(['introduced', 'replaced', 'settling']);
    await store.replace();
    expect(await left()).toEqual(['replaced', 'settling']);
    await store.settle();
    expect(await left()).toEqual(['settling']);
    await store.settled();
    expect((await store.authorities())?.stage).toBe('settled');
  });

  it('is as if it had never been asked for once what was made for it is taken back', async () => {
    await store.write({ member: 'core-01', kind: 'peer' }, 'as it was');
    const before = await store.snapshot();
    await store.setRenewal({ since: new Date() });
    await store.introduce(await newAuthority('c', new Date(), undefined));
    await store.replace();
    await store.write({ member: 'core-01', kind: 'peer' }, 'anew');
    await store.write({ member: 'core-02', kind: 'peer' }, 'new');
    await store.restore(before);
    expect(await store.snapshot()).toEqual(before);
    expect((await store.authorities())?.stage).toBe('settled');
    expect(await store.renewal()).toBeUndefined();
  });

  it('trusts the old one until everything is signed by the new one', async () => {
    const [old] = await trusted();
    await store.introduce(await newAuthority('c', new Date(), undefined));
    expect(await trusted()).toHaveLength(2);
    expect((await store.authorities())?.issuer.certificate.fingerprint).toBe(old);
    await store.replace();
    expect(await trusted()).toContain(old);
    expect((await store.authorities())?.issuer.certificate.fingerprint).not.toBe(old);
    // Killed before the old one was taken away.
    await store.settle();
    expect(await trusted()).not.toContain(old);
  });
});
