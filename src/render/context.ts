import type { Cluster, Member } from '../cluster/types.js';
import type { MemberSettings } from '../discovery/mode.js';

/** What a template sees of the cluster and of the member it is rendered for. */
export interface TemplateContext {
  readonly cluster: { readonly name: string; readonly members: readonly TemplateMember[] };
  readonly member: TemplateMember;
  /** What this member's etcd2 section must say, with `_` for `-`, as Handlebars paths need it. */
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

/**
 * Makes the contexts of members; what they share is made once.
 *
 * @returns a function of a member and of what its user-data must say of etcd
 */
export function templateContexts(cluster: Cluster): (member: Member, settings: MemberSettings) => TemplateContext {
  const members = new Map(cluster.members.map((member) => [member.name, templateMember(member)]));
  const shared = { name: cluster.name, members: [...members.values()] };
  return (member, { etcd2, transport }) => ({
    cluster: shared,
    member: members.get(member.name) ?? templateMember(member),
    etcd: Object.fromEntries(
      Object.entries({ ...transport, ...etcd2 }).flatMap(([key, value]) =>
        value === null ? [] : [[key.replaceAll('-', '_'), value]],
      ),
    ),
  });
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
