import type { HostState } from '../cluster/host-state.js';
import { ETCD_DATA_DIR, ETCD_UNIT } from '../etcd/service.js';
import { etcdEnvironment } from '../plan/adapt.js';
import type { Connection } from '../ssh/port.js';
import { sh } from '../util/shell.js';
import { runAsRoot } from './remote.js';

/** How far etcd on a host has come with founding its cluster. */
export interface EtcdProgress {
  /** It has written down who its peers are, and never asks discovery again (etcd, wal.Exist). */
  readonly founded: boolean;
  /** As systemd has it: `activating` while it waits for the others. */
  readonly active: string;
}

/** Looks at one host; `member/` alone is no proof, since etcd makes it before it asks discovery. */
export async function etcdProgress(
  connection: Connection,
  desired: HostState,
  signal: AbortSignal,
): Promise<EtcdProgress> {
  const environment = etcdEnvironment(desired);
  const log = environment.get('ETCD_WAL_DIR') ?? `${environment.get('ETCD_DATA_DIR') ?? ETCD_DATA_DIR}/member/wal`;
  const script = [
    sh`if find ${`${log}/`} -name ${'*.wal'} 2>/dev/null | grep -q .; then echo founded; else echo new; fi`,
    sh`systemctl is-active -- ${ETCD_UNIT} || :`,
  ].join('\n');
  const text = await runAsRoot(connection, 'looking at etcd', script, { signal, timeout: 10_000 });
  const [founded, active = 'unknown'] = text.trim().split('\n');
  return { founded: founded === 'founded', active };
}
