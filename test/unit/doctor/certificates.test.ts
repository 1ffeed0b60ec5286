import { beforeAll, describe, expect, it } from '@jest/globals';
import { checkCertificates } from '../../../src/doctor/checks-certificates.js';
import { readCertificate, type Certificate } from '../../../src/pki/certificate.js';
import { issue, makeAuthority, openKey } from '../../../src/pki/issue.js';
import { desiredState } from '../phases/support.js';
import { file } from '../plan/support.js';
import { facts, host } from './support.js';

const DAY = 86_400_000;
const NOW = new Date('2030-06-01T12:00:00Z');
const PATH = '/etc/ssl/etcd/server.pem';

describe('checkCertificates', () => {
  let authority: Certificate;
  let key: string;
  beforeAll(async () => {
    const made = await makeAuthority({ subject: 'test', validFrom: new Date(0), validTo: new Date(NOW.getTime() * 2) });
    authority = readCertificate(made.certificate) as Certificate;
    key = made.key;
  });

  const certificate = async (from: number, to: number, names = ['10.0.0.1']): Promise<string> => {
    const request = { subject: 'core-01', names, uses: ['server' as const] };
    const at = (days: number) => new Date(NOW.getTime() + days * DAY);
    return (await issue(authority, openKey(key), { ...request, validFrom: at(from), validTo: at(to) })).certificate;
  };
  const check = (text: string | undefined, { mode = 0o644, offset = 0 } = {}) =>
    findings(text, { mode, offset }).map(({ check: name, severity, what }) => `${severity} ${name}: ${what}`);
  const findings = (text: string | undefined, { mode = 0o644, offset = 0, path = PATH } = {}) => {
    const seen = { path, there: true, mode, ...(text === undefined ? {} : { text }) };
    const desired = desiredState(0, ['core-01']);
    const drop = file('/etc/systemd/system/etcd2.service.d/30-tls.conf', `[Service]\nEnvironment=ETCD_CERT_FILE=${PATH}\n`); // prettier-ignore
    const one = host('core-01', {
      desired: { ...desired, files: [...desired.files, drop] },
      facts: facts({ files: [seen] }),
      clock: { offset, bound: 1 },
    });
    return checkCertificates([one], NOW);
  };

  it('finds nothing wrong with one that is valid and names its host', async () => {
    expect(check(await certificate(-1, 300))).toEqual([]);
  });

  it('warns before the end, and tells the end', async () => {
    expect(check(await certificate(-1, 20))).toEqual([expect.stringMatching(/^warning certificate: .*ends in 20 days, on 2030-06-21/)]); // prettier-ignore
    expect(check(await certificate(-10, -1))).toEqual([expect.stringMatching(/^error certificate: .*ended on 2030-05-31/)]); // prettier-ignore
  });

  it.each([
    [PATH, /^Put a renewed one in its place/],
    ['/etc/coreup/pki/client.pem', /^Run `coreup up`/],
    ['/etc/coreup/pki/ca.pem', /^Run `coreup certs rotate`/],
  ])('says how %s is renewed, by who made it', async (path, advice) => {
    expect(findings(await certificate(-1, 20), { path })).toMatchObject([{ advice: expect.stringMatching(advice) }]);
  });

  it('judges by the clock of the host', async () => {
    const fresh = await certificate(-1, 300);
    expect(check(fresh, { offset: -5 * DAY })).toEqual([expect.stringContaining('is not valid yet')]);
    expect(check(fresh, { offset: 400 * DAY })).toEqual([expect.stringContaining('ended on')]);
  });

  it('misses names by which others call the host', async () => {
    expect(check(await certificate(-1, 300, ['localhost']))).toEqual([
      expect.stringMatching(/^error certificate-names: .*does not name 10\.0\.0\.1/),
    ]);
  });

  it('finds files that are no certificates, and keys that everybody may read, which it has not read', () => {
    expect(check('hello')).toEqual([expect.stringContaining('no certificate in /etc/ssl/etcd/server.pem')]);
    expect(check(undefined, { mode: 0o644 })).toEqual([expect.stringMatching(/^error key-mode: .*mode 644/)]);
    expect(check(undefined, { mode: 0o640 })).toEqual([]);
  });
});
