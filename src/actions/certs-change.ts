import { TLS } from '../etcd/transport.js';
import { newAuthority } from '../pki/ensure.js';
import type { Authorities, PkiStore, Renewal } from '../pki/store.js';
import { CoreupError, InputError } from '../util/errors.js';
import { nearest } from '../util/nearest.js';
import { authorityPassphrase } from './certificates.js';
import { withoutCertificates } from './certs.js';
import { planUp, type PlanOptions, type PlanResult } from './plan.js';
import { withAddresses, type Project } from './project.js';
import { pkiOf } from './transport.js';
import { up, type UpOptions, type UpResult } from './up.js';

/**
 * Issues certificates anew and brings them to the hosts, one member after the other. After an interruption it goes on with
 * what is left.
 *
 * @param members whose; none: everybody's, and coreup's own
 * @throws InputError UNKNOWN_MEMBER; CoreupError NO_CERTIFICATES; what `up` throws
 */
export async function renewCerts(project: Project, members: readonly string[], options: UpOptions): Promise<UpResult> {
  await checkRenewal(project, members);
  const store = pkiOf(project.state);
  const prepare = async (): Promise<void> => store.setRenewal(await renewalOf(store, members));
  return up(project, { ...options, command: 'certs renew', prepare });
}

/** What `renewCerts` would do; nothing is made. Throws as that does. */
export async function planRenewal(
  project: Project,
  members: readonly string[],
  options: Omit<PlanOptions, 'ahead'>,
): Promise<PlanResult> {
  await checkRenewal(project, members);
  const renewal = await renewalOf(pkiOf(project.state), members);
  return planUp(project, { ...options, ahead: [{ title: 'new certificates', certificates: { renewal } }] });
}

async function checkRenewal(project: Project, members: readonly string[]): Promise<void> {
  const names = project.cluster.members.map(({ name }) => name);
  const stranger = members.find((name) => !names.includes(name));
  if (stranger !== undefined) throw unknownMember(stranger, names);
  await requireCertificates(project);
}

/** The one that was asked for before, if it is the same and not over. */
async function renewalOf(store: PkiStore, members: readonly string[]): Promise<Renewal> {
  const pending = await store.renewal();
  const wanted = [...members].sort();
  if (pending && [...(pending.members ?? [])].sort().join() === wanted.join()) return pending;
  return { since: new Date(), ...(wanted.length === 0 ? {} : { members: wanted }) };
}

interface Part {
  readonly stage: Exclude<Authorities['stage'], 'settled'>;
  readonly title: string;
  enter(store: PkiStore, project: Project): Promise<void>;
}

/** In this order everybody trusts everybody at any moment, whoever has restarted and whoever has not. */
const PARTS: readonly Part[] = [
  {
    stage: 'introduced',
    title: '1 of 3: the new authority is trusted beside the old one',
    enter: async (store, { cluster }) =>
      store.introduce(await newAuthority(cluster.name, new Date(), await authorityPassphrase(store))),
  },
  { stage: 'replaced', title: '2 of 3: it signs everything anew', enter: (store) => store.replace() },
  { stage: 'settling', title: '3 of 3: the old one is trusted no more', enter: (store) => store.settle() },
];

/** What is left of a rotation that has come to `stage`: that part again, since nobody knows how far it came. Pure. */
export function partsLeft(stage: Authorities['stage']): readonly Part[] {
  return PARTS.slice(
    Math.max(
      0,
      PARTS.findIndex((part) => part.stage === stage),
    ),
  );
}

/**
 * Replaces the authority in three rolls through the cluster, each of which ends well before the next begins. How far it has
 * come shows in the store, so that an interrupted rotation goes on there.
 *
 * @returns how the last roll ended: the one that failed, or the third
 * @throws CoreupError NO_CERTIFICATES; PKI_PASSPHRASE; what `up` throws
 */
export async function rotateAuthority(project: Project, options: UpOptions): Promise<UpResult> {
  const store = pkiOf(project.state);
  const started = Date.now();
  let changes = 0;
  let last: UpResult | undefined;
  for (const part of partsLeft((await requireCertificates(project)).stage)) {
    options.reporter.info(part.title);
    if (last === undefined && !options.yes) options.reporter.info('one yes is for all rolls that are left');
    const prepare = async (): Promise<void> => {
      if ((await store.authorities())?.stage !== part.stage) await part.enter(store, project);
    };
    // Whoever has said yes has been told of all three.
    const yes = options.yes || last !== undefined;
    const result = await up(await withAddresses(project, {}), { ...options, yes, command: 'certs rotate', prepare });
    changes += result.changes;
    last = { ...result, changes, seconds: (Date.now() - started) / 1000 };
    if (!result.ok) return last;
  }
  await store.settled();
  if (!last) throw new RangeError('a rotation has parts');
  return last;
}

/** What `rotateAuthority` would do, in as many rolls as are left of it; nothing is made. Throws as that does. */
export async function planRotation(project: Project, options: Omit<PlanOptions, 'ahead'>): Promise<PlanResult> {
  const { stage } = await requireCertificates(project);
  const ahead = partsLeft(stage).map((part) => ({ title: part.title, certificates: { rotation: part.stage } }));
  return planUp(project, { ...options, ahead });
}

/** @throws CoreupError NO_CERTIFICATES, TLS_CHANGING */
async function requireCertificates(project: Project): Promise<Authorities> {
  const authorities = await pkiOf(project.state).authorities();
  if (!authorities || project.transport.goal !== TLS) throw withoutCertificates(project);
  if (project.transport.from === undefined) return authorities;
  throw new CoreupError('the cluster is on its way from plain http to TLS', {
    code: 'TLS_CHANGING',
    hint: 'Run `coreup up` first; it makes new certificates anyway.',
  });
}

function unknownMember(name: string, names: readonly string[]): InputError {
  const meant = nearest(name, names);
  return new InputError(`there is no member ${name}`, {
    code: 'UNKNOWN_MEMBER',
    hint: meant === undefined ? `Members are ${names.join(', ')}.` : `Did you mean ${meant}?`,
  });
}
