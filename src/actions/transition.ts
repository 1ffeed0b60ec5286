import type { Member } from '../cluster/types.js';
import { transitions, type Transport } from '../etcd/transport.js';
import { changeTransport, type TransportChange } from '../phases/transport.js';
import type { HostGoal, UpRun } from '../phases/run.js';
import type { Phase } from '../phases/runner.js';
import { desiredHosts, renderProject } from './desired.js';
import type { ProgramWishes } from './programs.js';
import type { Project } from './project.js';

/**
 * The phases that lead a running cluster to another transport; none where it speaks what it is to speak.
 *
 * @param look the phases that look and compare, for what is left to do then
 */
export function transition(
  project: Project,
  wishes: ProgramWishes,
  look: readonly Phase<UpRun>[],
): readonly Phase<UpRun>[] {
  return project.transport.from === undefined ? [] : [changeTransport(transportChange(project, wishes)), ...look];
}

/** The way from the one transport to the other. */
export function transportChange(project: Project, wishes: ProgramWishes): TransportChange {
  const { goal } = project.transport;
  const { opened, moved } = transitions(goal);
  return {
    to: goal.peers,
    goals: (run) => {
      const goals = (stage: Transport): ReadonlyMap<string, HostGoal> =>
        goalsFor({ ...project, transport: { ...project.transport, goal: stage } }, wishes, run);
      return { opened: goals(opened), moved: goals(moved), last: goals(goal) };
    },
  };
}

/** What hosts are to become by a stage of a project, with the etcd that they were seen to have. */
export function goalsFor(project: Project, wishes: ProgramWishes, { hosts }: UpRun): ReadonlyMap<string, HostGoal> {
  const seen = new Map(hosts.map((host) => [host.name, host.chosenEtcd?.version]));
  const etcdVersion = (member: Member) => (seen.has(member.name) ? seen.get(member.name) : project.etcdVersion(member));
  const stage = { ...project, etcdVersion };
  const learned = { ...wishes, etcd: hosts[0]?.etcd };
  return new Map(desiredHosts(stage, renderProject(stage), learned).map((host) => [host.name, host]));
}
