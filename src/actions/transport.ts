import { PLAIN, TLS, usesTls, type Transport } from '../etcd/transport.js';
import type { ResolvedConfig } from '../config/resolve.js';
import { overridesFor } from '../config/overrides.js';
import type { Cluster } from '../cluster/types.js';
import { staticDiscovery } from '../discovery/static.js';
import type { EtcdAccess } from '../phases/run.js';
import { PkiStore } from '../pki/store.js';
import type { Reporter } from '../report/port.js';
import { chooseTransport, type TransportChoice } from '../render/transport.js';
import type { Base } from '../render/user-data.js';
import type { State, StateDirectory } from '../state/state.js';
import { InputError } from '../util/errors.js';
import { tlsContext } from '../util/tls.js';
import { readBase } from './base.js';

/** What the etcd of a project is to speak. */
export interface ProjectTransport extends TransportChoice {
  /** What the running cluster speaks, where that is something else. */
  readonly from?: Transport;
}

/** What a project's etcd is to speak, by config.ts, its user-data, and what is remembered of the cluster. */
export function projectTransport(
  config: ResolvedConfig,
  { members: [first] }: Cluster,
  bootstrap: State['bootstrap'],
): ProjectTransport {
  const founded = bootstrap === undefined ? undefined : bootstrap.tls === true ? TLS : PLAIN;
  const choice = chooseTransport({
    // Peers that make their own certificates are another way to TLS.
    asked: config.etcd.tls ?? (config.discovery.mode === 'dns' && config.discovery.peer_auto_tls ? false : undefined),
    founded,
    base: ownBase(config),
    overrides: first === undefined ? {} : overridesFor(config, first).etcd2,
  });
  if (founded === undefined || choice.goal.own) return choice;
  if (founded !== choice.goal) return { ...choice, from: founded };
  // A change that was begun and is not wanted any more: what has been changed goes back.
  return bootstrap?.changing ? { ...choice, from: founded === TLS ? PLAIN : TLS } : choice;
}

/** What is wrong with the file is told when it is rendered. */
function ownBase({ user_data: file }: ResolvedConfig): Base | undefined {
  try {
    return file === undefined ? undefined : readBase(file, staticDiscovery);
  } catch {
    return undefined;
  }
}

/** @throws InputError TLS_TWICE where both coreup and the user bring certificates */
export function refuseTwoMakers({ conflict }: ProjectTransport, base: Base): void {
  if (conflict === undefined) return;
  throw new InputError(`${base.file} names a ${conflict} of yours, and etcd.tls in config.ts asks for coreup's`, {
    code: 'TLS_TWICE',
    hint: `Leave ${conflict} and the like out of ${base.file}, or tls out of config.ts.`,
    location: { file: base.file },
  });
}

export function pkiOf(state: StateDirectory): PkiStore {
  return new PkiStore(state.file('pki'));
}

/** How coreup speaks to the etcd of a project; undefined where that is plain http. */
export function etcdAccess(transport: ProjectTransport, state: StateDirectory): EtcdAccess | undefined {
  if (!needsCertificates(transport)) return undefined;
  const store = pkiOf(state);
  return { context: tlsContext(() => store.credentials()), either: transport.from !== undefined };
}

/** Whether hosts need certificates of coreup's, also while they are to lose them. */
export function needsCertificates({ goal, from }: ProjectTransport): boolean {
  return usesTls(goal) || (from !== undefined && usesTls(from));
}

/** Says so where etcd has no TLS, or is to get it. */
export function tellTransport(
  { transport }: { readonly transport: ProjectTransport },
  reporter: Pick<Reporter, 'info' | 'warn'>,
): void {
  if (transport.from !== undefined) {
    const [what, to, last] = transport.goal === TLS ? ['on', 'https', 'http'] : ['off', 'http', 'https'];
    reporter.info(
      `TLS is to be turned ${what} for a cluster that runs: in three rolls, each one member at a time. First clients are served ` +
        `over http and https; then members speak ${to} to each other; at last ${last} is closed.`,
    );
  }
  const notice = plainNotice(transport);
  if (notice !== undefined) reporter.warn(notice);
}

/** One sentence for whoever runs a cluster without TLS; undefined for one with it. */
export function plainNotice({ plain }: ProjectTransport): string | undefined {
  return plain === undefined ? undefined : NOTICES[plain];
}

const NOTICES: Readonly<Record<NonNullable<TransportChoice['plain']>, string | undefined>> = {
  'own-certificates': undefined,
  asked: 'etcd speaks plain http, as config.ts says: whoever reaches its ports reads and writes everything',
  founded:
    'etcd speaks plain http, as it was set up; `etcd: { tls: true }` in config.ts changes that, one member at a time',
  'user-data':
    'etcd speaks plain http, since the user-data has http URLs; `etcd: { tls: true }` in config.ts gives it TLS',
};
