import type { DnsFinding } from '../discovery/dns/judge.js';
import { printRecords, type ZoneFormat } from '../discovery/dns/print.js';
import { recordsFor, withoutDot, type DnsMember } from '../discovery/dns/records.js';
import { dnsMember, viewRecords } from '../phases/dns-check.js';
import type { HostRun } from '../phases/run.js';
import { InputError, messageOf } from '../util/errors.js';
import { managedNameserver } from './dns-mode.js';
import { desiredHosts, renderProject } from './desired.js';
import { withHosts } from './hosts.js';
import type { Project } from './project.js';

/** The records of a cluster. */
export interface ZoneResult {
  readonly domain: string;
  readonly srv: readonly {
    readonly name: string;
    readonly priority: number;
    readonly weight: number;
    readonly port: number;
    readonly target: string;
  }[];
  readonly addresses: readonly { readonly name: string; readonly address: string }[];
  readonly text: string;
}

/** What one member sees of the records. */
export interface MemberDns {
  readonly name: string;
  readonly ok: boolean;
  /** '' where the member could not be asked. */
  readonly nameserver: string;
  readonly from: 'user-data' | 'host' | null;
  readonly problems: readonly Finding[];
  readonly warnings: readonly Finding[];
}

type Finding = Pick<DnsFinding, 'message' | 'hint'>;

export interface DnsCheckResult {
  readonly ok: boolean;
  readonly domain: string;
  readonly members: readonly MemberDns[];
}

/**
 * The records that must be there for the members to find each other. No host is touched.
 *
 * @param asked the domain given with --domain
 * @throws InputError DNS_NO_DOMAIN
 */
export function dnsZone(project: Project, format: ZoneFormat, asked?: string): ZoneResult {
  const domain = domainOf(project, asked);
  const members = membersOf(etcdRuns(project));
  const { srv, addresses } = recordsFor(members, domain);
  return { domain, srv, addresses, text: printRecords(members, domain, format) };
}

/** The records of a project as options for dnsmasq. */
export function managedRecords(project: Project): string {
  return dnsZone(project, 'dnsmasq').text;
}

/**
 * Looks the records up from every etcd member, with the name server that the member uses.
 *
 * @throws InputError DNS_NO_DOMAIN
 */
export async function dnsCheck(project: Project, asked?: string): Promise<DnsCheckResult> {
  const domain = domainOf(project, asked);
  const hosts = etcdRuns(project);
  const members = membersOf(hosts);
  const nameserver = managedNameserver(project.config);
  const seen = await withHosts(project, ({ connect }) =>
    Promise.all(
      hosts.map(async ({ name, member, desired }): Promise<MemberDns> => {
        try {
          const connection = await connect(member);
          const view = await viewRecords({ name, desired, connection }, { domain, members }, nameserver);
          const of = (severity: DnsFinding['severity']): readonly Finding[] =>
            view.findings.filter((finding) => finding.severity === severity).map(asFinding);
          const problems = of('error');
          return {
            name,
            ok: problems.length === 0,
            nameserver: view.nameserver,
            from: view.from,
            problems,
            warnings: of('warning'),
          };
        } catch (error) {
          const { hint } = error as { hint?: string };
          const problem = { message: messageOf(error), ...(hint === undefined ? {} : { hint }) };
          return { name, ok: false, nameserver: '', from: null, problems: [problem], warnings: [] };
        }
      }),
    ),
  );
  return { ok: seen.every(({ ok }) => ok), domain, members: seen };
}

function asFinding({ message, hint }: DnsFinding): Finding {
  return { message, ...(hint === undefined ? {} : { hint }) };
}

function domainOf({ config }: Project, asked: string | undefined): string {
  const { discovery } = config;
  const domain = asked ?? (discovery.mode === 'dns' ? discovery.domain : undefined);
  if (domain !== undefined) return withoutDot(domain);
  throw new InputError(`the discovery mode of this cluster is ${discovery.mode}, so there is no domain to look at`, {
    code: 'DNS_NO_DOMAIN',
    hint: "Give one with --domain, or set `discovery: { mode: 'dns', domain: 'example.com' }` in config.ts.",
  });
}

/** The etcd members, as they are to be. */
function etcdRuns(project: Project): readonly HostRun[] {
  return desiredHosts(project, renderProject(project)).filter(({ member }) => member.role === 'etcd');
}

function membersOf(hosts: readonly HostRun[]): readonly DnsMember[] {
  return hosts.map(({ member, desired }) => dnsMember(member, desired));
}
