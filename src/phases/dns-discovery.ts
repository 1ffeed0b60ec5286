import { printRecords } from '../discovery/dns/print.js';
import type { SshTarget } from '../ssh/port.js';
import type { Reporter } from '../report/port.js';
import { dnsMember, viewRecords, type DnsView } from './dns-check.js';
import { etcdHosts } from './etcd-host.js';
import { MembersFailedError, onAll, type MemberFailure } from './failures.js';
import type { Rendezvous, UpRun } from './run.js';

/** Discovery by DNS, as config.ts has it. */
export interface DnsRendezvous {
  readonly domain: string;
  /** The name server that members are to ask. */
  readonly nameserver?: string;
  /** The host whose dnsmasq coreup tells the records. */
  readonly server?: () => Promise<SshTarget>;
}

/**
 * Before members first start: tells a managed name server the records, and looks them up from every member. etcd itself
 * would wait or die without saying which record is wrong.
 */
export function dnsRendezvous(discovery: DnsRendezvous): Rendezvous {
  return {
    title: 'Looking up the records',
    open: async (run) => {
      await publish(discovery, run);
      await check(discovery, run);
    },
    close: () => Promise.resolve(),
  };
}

async function publish({ domain, server }: DnsRendezvous, run: UpRun): Promise<void> {
  if (server === undefined) return;
  const { publishRecords } = await import('./dns-server.js');
  const { ssh, signal, connectDeadline: deadline, reporter } = run;
  const members = etcdHosts(run.hosts).map(({ host }) => dnsMember(host.member, host.desired));
  const target = await server();
  const connection = await ssh.connect(target, { deadline, signal });
  const changed = await publishRecords(connection, run.cluster.name, printRecords(members, domain, 'dnsmasq'));
  reporter.info(`${target.address} serves the records${changed ? '' : ' already'}`);
}

async function check({ domain, nameserver }: DnsRendezvous, run: UpRun): Promise<void> {
  const viewers = etcdHosts(run.hosts).map(({ host }) => host);
  const members = viewers.map((host) => dnsMember(host.member, host.desired));
  const views = await onAll(
    'no member was started, since DNS could not be asked on',
    viewers,
    run.reporter,
    async (host) => {
      const etcd = host.chosenEtcd?.version;
      return { name: host.name, view: await viewRecords(host, { domain, members, etcd }, nameserver) };
    },
  );
  const failures = views.flatMap(({ name, view }) => failureOf(name, view, run.reporter));
  if (failures.length > 0)
    throw new MembersFailedError('no member was started, since DNS is not as it must be for', failures);
}

function failureOf(name: string, { nameserver, findings }: DnsView, reporter: Reporter): readonly MemberFailure[] {
  for (const { severity, message } of findings) if (severity === 'warning') reporter.warn(`${name}: ${message}`);
  const errors = findings.filter(({ severity }) => severity === 'error');
  if (errors.length === 0) {
    reporter.member(name, `finds the members through ${nameserver}`, 'done');
    return [];
  }
  const hints = new Set(errors.flatMap(({ hint }) => (hint === undefined ? [] : [hint])));
  return [{ member: name, message: errors.map(({ message }) => message).join('; '), hint: [...hints].join('\n') }];
}
