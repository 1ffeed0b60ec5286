import type { Cluster, Member } from '../cluster/types.js';
import type { DiscoveryMode } from '../discovery/mode.js';

/** What a template sees of the cluster and of the member it is rendered for. */
export interface TemplateContext {
  readonly cluster: { readonly name: string; readonly members: readonly TemplateMember[] };
  readonly member: TemplateMember;
  /** The settings of the discovery mode, with `_` for `-`, as Handlebars paths need it. */
  readonly etcd: Readonly<Record<string, string>>;
}

interface TemplateMember {
  readonly index: number;
  readonly name: string;
  readonly role: string;
  readonly public_ipv4: string;
  readonly private_ipv4: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Contexts of all members, in order; what they share is made once. */
export function templateContexts(cluster: Cluster, discovery: DiscoveryMode): readonly TemplateContext[] {
  const members = cluster.members.map(templateMember);
  const shared = { name: cluster.name, members };
  const settings = discovery.settings(cluster);
  return cluster.members.map((member, position) => ({
    cluster: shared,
    member: members[position] ?? templateMember(member),
    etcd: Object.fromEntries(
      Object.entries(settings(member)).flatMap(([key, value]) =>
        value === null ? [] : [[key.replaceAll('-', '_'), value]],
      ),
    ),
  }));
}

function templateMember(member: Member): TemplateMember {
  return {
    index: member.index,
    name: member.name,
    role: member.role,
    public_ipv4: member.publicIpv4,
    private_ipv4: member.privateIpv4,
    metadata: member.metadata,
  };
}
