import type { Edit } from '../cloud-config/edit.js';
import { childOf, type CloudConfigDocument } from '../cloud-config/nodes.js';
import { stringOf } from '../cloud-config/scalars.js';
import type { Member } from '../cluster/types.js';
import type { MemberSettings } from '../discovery/mode.js';
import type { Overrides } from './user-data.js';
import { speaking, spokenBy, type Transport } from '../etcd/transport.js';

/**
 * What must change in a user-data for the transport: URLs that it has get the right scheme, those that it lacks are added,
 * and so are the certificates. Keys that role or discovery mode decide are left to them. Pure.
 */
export function transportEdits(
  document: CloudConfigDocument,
  { etcd2, transport: wanted }: Pick<MemberSettings, 'etcd2' | 'transport'>,
  transport: Transport,
  member: Member,
): readonly Edit[] {
  if (transport.own || etcd2 === null) return [];
  const spoken = spokenBy(member.role, transport);
  const section = ['coreos', 'etcd2'];
  const own = Object.entries(wanted).flatMap(([key, value]): Edit[] => {
    if (key in etcd2) return [];
    const path = [...section, key];
    const present = valueAt(document, path);
    const right = present === undefined || !key.endsWith('-urls') ? value : speaking(key, present, spoken);
    return present === right ? [] : [{ path, value: right }];
  });
  return [...own, ...fleetEdit(document, member.role === 'worker' ? spoken : transport)];
}

/** The list of members, where a template writes it itself. */
export function initialClusterEdits(
  document: CloudConfigDocument,
  { peers, own }: Transport,
  { role }: Member,
): readonly Edit[] {
  const path = ['coreos', 'etcd2', 'initial-cluster'];
  const present = own || role === 'discovery' ? undefined : valueAt(document, path);
  const right = present?.replace(/=https?:/g, `=${peers}:`);
  return right === undefined || right === present ? [] : [{ path, value: right }];
}

/** fleet asks the etcd of this cluster, usually at the host itself; what leads elsewhere stays. */
function fleetEdit(document: CloudConfigDocument, transport: Transport): readonly Edit[] {
  const path = ['coreos', 'fleet', 'etcd-servers'];
  const present = valueAt(document, path);
  const right = present === undefined ? undefined : ownServers(present, transport);
  return right === undefined || right === present ? [] : [{ path, value: right }];
}

/** What config.ts says, with the scheme that this cluster's etcd has. */
export function speakingOverrides({ etcd2, fleet }: Overrides, transport: Transport, { role }: Member): Overrides {
  const spoken = spokenBy(role, transport);
  const { 'etcd-servers': servers } = fleet;
  return {
    etcd2: Object.fromEntries(
      Object.entries(etcd2).map(([key, value]) => [key, key.endsWith('-urls') ? speaking(key, value, spoken) : value]),
    ),
    fleet:
      servers === undefined
        ? fleet
        : { ...fleet, 'etcd-servers': ownServers(servers, role === 'worker' ? spoken : transport) },
  };
}

/** A list of fleet's servers with the scheme that this cluster's etcd has. */
export function ownServers(list: string, transport: Transport): string {
  const { clients, own } = transport;
  if (own) return list;
  return list.replace(
    /https?:(?=\/\/(?:127\.0\.0\.1|localhost|\$(?:private|public)_ipv4)(?=[:/,]|$))/g,
    `${clients[0]}:`,
  );
}

/** The text of a scalar in a cloud-config; keys may be written with `-` or `_`. */
export function valueAt(document: CloudConfigDocument, path: readonly string[]): string | undefined {
  const node = path.reduce<ReturnType<typeof childOf>>(
    (at, key) => childOf(at, key.replaceAll('-', '_')),
    document.root ?? undefined,
  );
  return node === undefined ? undefined : stringOf(node);
}
