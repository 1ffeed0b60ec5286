import type { Member } from '../cluster/types.js';
import { connect } from '../phases/connect.js';
import { guard } from '../phases/guard.js';
import { HostLocks } from '../phases/host-lock.js';
import { identifyEtcd } from '../phases/identify-etcd.js';
import { observe } from '../phases/observe.js';
import { plan } from '../phases/plan.js';
import { guardQuorum } from '../phases/quorum.js';
import { checkReach } from '../phases/reach.js';
import { ServiceRun, type HostRun, type Rendezvous, type UpRun } from '../phases/run.js';
import type { Phase } from '../phases/runner.js';
import { checkServices, refuseHopeless } from '../phases/services.js';
import { TLS } from '../etcd/transport.js';
import type { Provider } from '../providers/port.js';
import type { UserData } from '../render/user-data.js';
import type { Reporter } from '../report/port.js';
import type { Ssh } from '../ssh/port.js';
import type { Journal } from '../state/journal.js';
import { refuseInvalidUserData } from './check-user-data.js';
import { desiredHosts, renderProject } from './desired.js';
import type { ProgramWishes } from './programs.js';
import { withStandIns, type Project } from './project.js';
import { loadServices } from './services.js';

// What `plan` and `up` have in common: the story's first part, up to the steps that each host needs. It changes nothing.

/** Keeps what was learned of the hosts: their etcd, such as `3.4.23`, by member name, and what was rendered for it. */
export type Remember = (versions: Readonly<Record<string, string>>, rendered: readonly UserData[]) => Promise<void>;

/**
 * Renders and checks everything that can be known without a host.
 *
 * @throws InputError for wrong input
 */
export function checkProject(project: Project): {
  readonly rendered: readonly UserData[];
  readonly hosts: readonly HostRun[];
  readonly services: ServiceRun;
} {
  const known = withStandIns(project);
  const rendered = renderProject(known);
  refuseInvalidUserData(known, rendered);
  const hosts = desiredHosts(known, rendered);
  const services = loadServices(project);
  refuseHopeless(services, hosts);
  return { rendered, hosts, services: new ServiceRun(services) };
}

/** A run over these hosts, before its first phase. */
export function startRun(
  project: Project,
  parts: {
    readonly reporter: Reporter;
    readonly signal: AbortSignal;
    readonly provider: Provider;
    readonly ssh: Ssh;
    readonly hosts: readonly HostRun[];
    readonly services: ServiceRun;
    readonly rendezvous?: Rendezvous | undefined;
    readonly journal?: Journal;
    readonly adopt?: boolean | undefined;
  },
): UpRun {
  const { reporter, signal, provider, ssh, hosts, services, rendezvous, journal, adopt = false } = parts;
  return {
    reporter,
    signal,
    cluster: project.cluster,
    provider,
    ssh,
    state: project.state,
    hosts,
    services,
    connectDeadline: project.config.ssh.connect_timeout * 1000,
    locks: new HostLocks('up'),
    adopt,
    founding: false,
    tls: project.transport.goal === TLS,
    ...(journal === undefined ? {} : { journal }),
    ...(rendezvous === undefined ? {} : { rendezvous }),
  };
}

/** Reaches the hosts, looks at them, and finds the steps that each needs, or why it must not be changed. */
export function comparison(project: Project, wishes: ProgramWishes, remember: Remember): readonly Phase<UpRun>[] {
  const learn = [identifyEtcd, knowVersions(project, wishes, remember)];
  return [connect, observe, ...learn, plan, guard, guardQuorum, checkReach, checkServices];
}

/**
 * Learns which etcd each host has. Where it is another than was thought when the user-data was rendered, it is rendered
 * anew, and the host looked at for that.
 */
function knowVersions(project: Project, wishes: ProgramWishes, remember: Remember): Phase<UpRun> {
  return {
    title: 'Rendering for the etcd of the hosts',
    skip: ({ hosts }) => hosts.every((host) => !differs(project, host)),
    async run(run) {
      const seen = new Map(run.hosts.map((host) => [host.name, host.chosenEtcd?.version]));
      const versions = [...seen].flatMap(([name, version]) => (version ? [[name, version.text] as const] : []));
      const etcdVersion = (member: Member) =>
        seen.has(member.name) ? seen.get(member.name) : project.etcdVersion(member);
      const learned = { ...wishes, etcd: run.hosts[0]?.etcd };
      const informed = { ...project, etcdVersion };
      const rendered = renderProject(informed);
      refuseInvalidUserData(informed, rendered);
      const goals = new Map(desiredHosts(informed, rendered, learned).map((goal) => [goal.name, goal]));
      await remember(Object.fromEntries(versions), rendered);
      const changed = run.hosts.filter((host) => {
        const goal = goals.get(host.name);
        if (goal === undefined || goal.digest === host.digest) return false;
        host.become(goal);
        return true;
      });
      if (changed.length > 0) await observe.run({ ...run, hosts: changed });
    },
  };
}

function differs({ etcdVersion }: Project, { member, chosenEtcd }: HostRun): boolean {
  const [seen, thought] = [chosenEtcd?.version, etcdVersion(member)];
  return seen !== undefined && (seen.major !== thought?.major || seen.minor !== thought.minor);
}
