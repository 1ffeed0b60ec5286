import { hasV2Discovery } from '../etcd/version.js';
import { MembersFailedError } from './failures.js';
import type { EtcdHost } from './run.js';

/** Refuses hosts whose etcd has no v2 discovery: it would ignore the setting and found a cluster of its own. */
export function refuseWithoutV2Discovery(members: readonly EtcdHost[], mode: string): void {
  const unfit = members.filter(({ host }) => !hasV2Discovery(host.chosenEtcd?.version));
  if (unfit.length === 0) return;
  throw new MembersFailedError(
    `no host was changed, since ${mode} discovery needs an etcd before 3.7`,
    unfit.map(({ name, host }) => ({
      member: name,
      message: `has etcd ${host.chosenEtcd?.version?.text}, which does not know the v2 discovery protocol any more`,
      hint: "Use discovery: { mode: 'static' } in config.ts: coreup knows the addresses.",
    })),
  );
}
