import type { HostFile, HostState } from '../cluster/host-state.js';
import type { Member } from '../cluster/types.js';
import { hostNameIn, withoutDot } from '../discovery/dns/records.js';
import { ETCD_UNIT } from '../etcd/service.js';
import { TLS_FILES } from '../etcd/transport.js';
import { etcdEnvironment, wantsEtcd } from '../plan/adapt.js';
import { sha256 } from '../plan/digest.js';
import type { EnsureOptions, Wanted } from '../pki/ensure.js';
import type { Certificate } from '../pki/certificate.js';
import { KINDS, type Authorities, type Entry, type Identity, type PkiStore, type Renewal } from '../pki/store.js';
import type { Reporter } from '../report/port.js';
import type { UserData } from '../render/user-data.js';
import { caPassphraseFromFile } from './secrets.js';
import { desiredStates } from './desired.js';
import type { Project } from './project.js';
import { needsCertificates, pkiOf } from './transport.js';

/** The files that each host needs for TLS, by member. */
export type Certificates = ReadonlyMap<string, HostCertificates>;

export interface HostCertificates {
  readonly files: readonly HostFile[];
  /** Tells one set of certificates from another, for what has to be restarted with a new one. */
  readonly digest: string;
}

/**
 * Makes what is missing of the certificates, on this machine.
 *
 * @returns the project with the files for its hosts; the same project where it has no use for them
 * @throws CoreupError PKI_*
 */
export async function prepareCertificates(
  project: Project,
  rendered: readonly UserData[],
  { reporter }: { readonly reporter: Pick<Reporter, 'info'> },
): Promise<Project> {
  if (!needsCertificates(project.transport)) return project;
  const { ensurePki } = await import('../pki/ensure.js');
  await project.state.ensure();
  const wanted = wantedCertificates(project, rendered);
  const running = (await project.state.load()).bootstrap?.tls === true;
  const { authorities, entries } = await ensurePki(pkiOf(project.state), wanted, {
    cluster: project.cluster.name,
    now: new Date(),
    running,
    note: (text) => {
      reporter.info(text);
    },
    ...passphrases(),
  });
  return withCertificates(project, textOf(authorities.trusted), wanted, entries);
}

/** What is about to become of the certificates, for a plan of it. */
export interface CertificatesAhead {
  readonly renewal?: Renewal;
  /** How far a change of the authority will have come. */
  readonly rotation?: Exclude<Authorities['stage'], 'settled'>;
}

/** The same without making anything: what there is not yet is stood for by a text that says so. */
export async function presentCertificates(
  project: Project,
  rendered: readonly UserData[],
  ahead: CertificatesAhead = {},
): Promise<Project> {
  if (!needsCertificates(project.transport)) return project;
  const [store, wanted] = [pkiOf(project.state), wantedCertificates(project, rendered)];
  const [authorities, { whyDue }] = await Promise.all([store.authorities(), import('../pki/ensure.js')]);
  const renewal = ahead.renewal ?? (await store.renewal());
  const entries = await Promise.all(
    wanted.map(async (identity): Promise<Entry | undefined> => {
      const entry = await store.entry(identity);
      const due = authorities && whyDue(entry?.certificate, identity, { authorities, renewal, now: new Date() });
      const stays = authorities && due === undefined && !signsAnew(authorities.stage, ahead.rotation);
      return stays ? entry : undefined;
    }),
  );
  return withCertificates(project, authorities && trustedAhead(authorities, ahead.rotation), wanted, entries);
}

const STAGES: readonly Authorities['stage'][] = ['settled', 'introduced', 'replaced', 'settling'];

/** Whether between two stages of a rotation everything is signed by the new authority. */
function signsAnew(now: Authorities['stage'], then: Authorities['stage'] = now): boolean {
  const replaced = STAGES.indexOf('replaced');
  return STAGES.indexOf(now) < replaced && STAGES.indexOf(then) >= replaced;
}

/** Whom hosts trust at a stage of a rotation. */
function trustedAhead(authorities: Authorities, then: Authorities['stage'] = authorities.stage): string {
  const { issuer, trusted, stage: now } = authorities;
  const isIssuer = ({ fingerprint }: Certificate): boolean => fingerprint === issuer.certificate.fingerprint;
  // Until it signs, the new one is the other one.
  const fresh = now === 'settled' ? [] : trusted.filter((one) => isIssuer(one) === (now !== 'introduced'));
  const next = fresh.length === 0 ? NOT_YET : textOf(fresh);
  if (then === now) return textOf(trusted);
  return then === 'settling' ? next : textOf(trusted) + (now === 'settled' ? NOT_YET : '');
}

function textOf(certificates: readonly Certificate[]): string {
  return certificates.map(({ pem }) => pem).join('');
}

/** What a person has said in this run: a command asks once, however many rolls it consists of. */
let told: string | undefined;

/** Where the passphrase of the authority's key comes from: a file that the environment names, or a person. */
export function passphrases(): Pick<EnsureOptions, 'passphrase' | 'newPassphrase'> {
  return {
    newPassphrase: () => caPassphraseFromFile(),
    async passphrase(again) {
      // A file says the same every time.
      const given = again ? undefined : ((await caPassphraseFromFile()) ?? told);
      if (given !== undefined || !process.stdin.isTTY || !process.stderr.isTTY) return given;
      const { askSecret } = await import('../report/secret.js');
      told = await askSecret(`${again ? 'That is not it. ' : ''}Passphrase of the certificate authority's key:`);
      return told;
    },
  };
}

/**
 * What protects the key of an authority that follows another one: what the environment names; otherwise what protects the
 * present one.
 *
 * @throws CoreupError PKI_PASSPHRASE, CA_PASSPHRASE_FILE
 */
export async function authorityPassphrase(store: PkiStore): Promise<string | undefined> {
  const named = await caPassphraseFromFile();
  const present = (await store.authorities())?.issuer;
  if (named !== undefined || !present) return named;
  const { unlock } = await import('../pki/ensure.js');
  let given: string | undefined;
  const { passphrase } = passphrases();
  await unlock(present, { passphrase: async (again) => (given = await passphrase(again)) });
  return given;
}

/** Whom coreup makes certificates for, and for which names. */
export function wantedCertificates(project: Project, rendered: readonly UserData[]): readonly Wanted[] {
  const states = desiredStates(project, rendered).filter(({ member }) => member.role !== 'discovery');
  return [
    { kind: 'client', names: [] },
    ...states.flatMap(({ member, desired }): Wanted[] => {
      const names = namesOf(project, member, desired);
      const client: Wanted = { member: member.name, kind: 'client', names: [] };
      if (!wantsEtcd(desired)) return [client];
      return [{ member: member.name, kind: 'server', names }, { member: member.name, kind: 'peer', names }, client];
    }),
  ];
}

/**
 * The names under which a member is reached. etcd checks those of peers against the address that they come from; where
 * members are found by SRV records, against the domain, and for its own entry against the name below it.
 */
export function namesOf({ config: { discovery } }: Project, member: Member, desired: HostState): readonly string[] {
  const environment = etcdEnvironment(desired);
  const urls = ['ADVERTISE_CLIENT', 'LISTEN_CLIENT', 'INITIAL_ADVERTISE_PEER', 'LISTEN_PEER'].flatMap((kind) =>
    (environment.get(`ETCD_${kind}_URLS`) ?? '').split(','),
  );
  const hosts = urls.flatMap((url) => {
    const hostname = URL.canParse(url.trim()) ? new URL(url.trim()).hostname.replace(/^\[|\]$/g, '') : '';
    return ['', '0.0.0.0', '::'].includes(hostname) ? [] : [hostname];
  });
  const addresses = [member.publicIpv4, member.privateIpv4, member.publicIpv6, member.privateIpv6];
  const domain = discovery.mode === 'dns' ? [withoutDot(discovery.domain), hostNameIn(member, discovery.domain)] : [];
  return [
    member.name,
    'localhost',
    '127.0.0.1',
    '::1',
    ...addresses.flatMap((address) => address ?? []),
    ...hosts,
    ...domain,
  ];
}

function withCertificates(
  project: Project,
  trusted: string | undefined,
  wanted: readonly Wanted[],
  entries: readonly (Entry | undefined)[],
): Project {
  const ca = trusted ?? NOT_YET;
  const find = ({ member, kind }: Identity): Entry | undefined =>
    entries[wanted.findIndex((one) => one.member === member && one.kind === kind)];
  const names = new Set(wanted.flatMap(({ member }) => member ?? []));
  const certificates = new Map(
    [...names].map((member) => {
      const kinds = KINDS.filter((kind) => wanted.some((one) => one.member === member && one.kind === kind));
      return [member, hostCertificates(ca, new Map(kinds.map((kind) => [kind, find({ member, kind })])))] as const;
    }),
  );
  return { ...project, certificates };
}

const NOT_YET = 'made by coreup when this is done\n';

/** The files of one host. A key is readable for those alone who use it. */
function hostCertificates(
  ca: string,
  entries: ReadonlyMap<(typeof KINDS)[number], Entry | undefined>,
): HostCertificates {
  const digest = sha256(Buffer.from(ca + [...entries].map(([, entry]) => entry?.certificate.pem ?? NOT_YET).join('')));
  const files: HostFile[] = [file(TLS_FILES.ca, ca)];
  for (const [kind, entry] of entries) {
    const { cert, key } = TLS_FILES[kind];
    files.push(file(cert, entry?.certificate.pem ?? NOT_YET));
    const access = kind === 'client' ? { mode: 0o600, owner: null } : { mode: 0o640, owner: 'root:etcd' };
    files.push({ ...file(key, entry?.key ?? NOT_YET), ...access, secret: true });
  }
  if (entries.has('server')) files.push(file(MARK, markText(digest)));
  return { files, digest };
}

/** etcd reads its authority when it starts: other certificates are another drop-in, and a restart of one after the other. */
const MARK = `/etc/systemd/system/${ETCD_UNIT}.d/40-coreup-tls.conf`;

function markText(digest: string): string {
  return `[Service]\n# Restarted for these certificates, sha256 of them: ${digest}\n`;
}

function file(path: string, content: string): HostFile {
  return { path, mode: 0o644, owner: null, content: Buffer.from(content), origin: { key: 'etcd.tls' } };
}
