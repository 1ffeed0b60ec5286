import { TLS_DIRECTORY, TLS_FILES } from '../etcd/transport.js';
import { readCertificate } from '../pki/certificate.js';
import { etcdWish } from './etcd-wish.js';
import { error, warning, type Finding } from './finding.js';
import type { HostView, SeenFile } from './host-view.js';

const DAY = 24 * 60 * 60 * 1000;
/** Days before the end from which on a certificate should be renewed. */
const SOON = 30;

/** What is wrong with the certificate and key files that settings name. Keys were not read. Pure. */
export function checkCertificates(hosts: readonly HostView[], now: Date): readonly Finding[] {
  return hosts.flatMap((host) => {
    // By the host's own clock: it is the one that judges.
    const there = now.getTime() + (host.clock?.offset ?? 0);
    return (host.facts?.files ?? []).flatMap((file) =>
      file.text === undefined ? checkKey(host.name, file) : checkFile(host, file, file.text, there),
    );
  });
}

function checkKey(name: string, { path, there, mode }: SeenFile): readonly Finding[] {
  if (!there) return [missing(name, path)];
  if ((mode & 0o007) === 0) return [];
  const what = `lets everybody read the private key ${path} (mode ${mode.toString(8)})`;
  return [
    error(
      'key-mode',
      name,
      what,
      `Run: coreup ssh ${name} -- sudo chmod o= ${path}. Whoever was on the host may have it.`,
    ),
  ];
}

function missing(name: string, path: string): Finding {
  return error(
    'certificate',
    name,
    `has no file ${path}, which its settings name`,
    'Run `coreup up`, or put it there.',
  );
}

function checkFile(host: HostView, { path, there }: SeenFile, text: string, now: number): readonly Finding[] {
  const { name } = host;
  if (!there) return [missing(name, path)];
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  const parsed = blocks.map(readCertificate);
  if (parsed.length === 0 || parsed.includes(undefined)) {
    return [
      error('certificate', name, `has no certificate in ${path} that can be read`, 'Put a certificate in PEM there.'),
    ];
  }
  return parsed.flatMap((certificate) => {
    if (!certificate) return [];
    const { subject, validFrom, validTo, names } = certificate;
    const which = `${path} (${subject || 'no name'})`;
    const days = Math.floor((validTo.getTime() - now) / DAY);
    const renew = renewal(path);
    const until = validTo.toISOString().slice(0, 10);
    const dates =
      validTo.getTime() < now
        ? [error('certificate', name, `has a certificate that ended on ${until}: ${which}`, renew)]
        : validFrom.getTime() > now
          ? [
              error(
                'certificate',
                name,
                `has a certificate that is not valid yet: ${which}`,
                'Compare the clocks, then make it anew.',
              ),
            ]
          : days < SOON
            ? [
                warning(
                  'certificate',
                  name,
                  `has a certificate that ends in ${days} days, on ${until}: ${which}`,
                  renew,
                ),
              ]
            : [];
    const gaps = missingNames(host, path, names);
    const advice =
      'Clients and peers refuse it under these. Make it anew with all of them as subject alternative names.';
    return [
      ...dates,
      ...(gaps.length === 0
        ? []
        : [
            error(
              'certificate-names',
              name,
              `has a certificate that does not name ${gaps.join(', ')}: ${which}`,
              advice,
            ),
          ]),
    ];
  });
}

/** Where a certificate comes from says how to get a new one. */
function renewal(path: string): string {
  if (path === TLS_FILES.ca) return 'Run `coreup certs rotate`: it replaces the authority, with no loss of quorum.';
  if (path.startsWith(`${TLS_DIRECTORY}/`)) return 'Run `coreup up`: it makes and rolls out new ones.';
  return 'Put a renewed one in its place; etcd reads it at the next connection.';
}

/** What others call this host by, and the certificate does not. */
function missingNames({ desired }: HostView, path: string, names: readonly string[]): readonly string[] {
  if (desired === undefined) return [];
  const { advertised, shown } = etcdWish(desired);
  if (!shown.includes(path)) return [];
  const called = new Set([...advertised.client, ...advertised.peer].map(({ host }) => host));
  return [...called].filter((host) => !names.includes(host) && !names.includes(host.replace(/^[^.]+/, '*')));
}
