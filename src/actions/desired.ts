import { createHash } from 'node:crypto';
import type { HostState } from '../cluster/host-state.js';
import type { Member } from '../cluster/types.js';
import { readUserData } from '../cloud-config/read-user-data.js';
import { usesTls } from '../etcd/transport.js';
import { overridesFor } from '../config/overrides.js';
import { HostRun } from '../phases/run.js';
import { fleetWishes } from '../phases/fleet-wish.js';
import { persist } from '../plan/persist.js';
import { questionFor } from '../plan/question.js';
import { checkUserData } from '../render/check.js';
import { speakingOverrides } from '../render/transport-edits.js';
import { renderUserData, type UserData } from '../render/user-data.js';
import { InputError } from '../util/errors.js';
import { readBase } from './base.js';
import type { ProgramWishes } from './programs.js';
import type { Project } from './project.js';
import { etcdAccess, refuseTwoMakers } from './transport.js';

/**
 * Renders every member's user-data in memory.
 *
 * @throws InputError ADDRESSES_UNKNOWN where addresses have yet to be found on the hosts
 */
export function renderProject(project: Project): readonly UserData[] {
  requireAddresses(project);
  const { config, cluster, discovery, transport } = project;
  const base = readBase(config.user_data, discovery);
  refuseTwoMakers(transport, base);
  return renderUserData(cluster, discovery, base, {
    overrides: (member) => speakingOverrides(overridesFor(config, member), transport.goal, member),
    etcdVersion: project.etcdVersion,
    transport: transport.goal,
  });
}

/** @throws InputError ADDRESSES_UNKNOWN where addresses have yet to be found on the hosts */
export function requireAddresses({ unplaced }: Project): void {
  if (unplaced.length === 0) return;
  throw new InputError(
    `the private addresses of ${unplaced.join(', ')} are not known yet: config.ts gives none, and no \`up\` has looked`,
    {
      code: 'ADDRESSES_UNKNOWN',
      hint: "Run `coreup up`, which finds them on the hosts and remembers them; or give `private_ipv4: '…'` in config.ts.",
    },
  );
}

/** What a member's user-data means on its host. */
interface Desired {
  readonly member: Member;
  readonly desired: HostState;
  /** The user-data with the substitutions made. */
  readonly text: string;
}

/** Reads every member's user-data, so that everything that can be wrong with it is found before a host is touched. */
export function desiredStates(project: Project, rendered: readonly UserData[]): readonly Desired[] {
  return rendered.map(({ member, fileName, text }) => {
    const { state, document } = readUserData(
      { file: fileName, text },
      { vars: substitutions(member), hostname: member.name },
    );
    const desired = persist(state);
    checkUserData({ member, desired, file: fileName, cluster: project.cluster, etcd: project.etcdVersion(member) });
    return { member, desired, text: document.text };
  });
}

/**
 * The desired state of every host, with what a run needs to know about it.
 *
 * @param wishes what is wanted of etcd and fleet, where that is a concern of the run
 */
export function desiredHosts(
  project: Project,
  rendered: readonly UserData[],
  { etcd, fleet }: ProgramWishes = {},
): readonly HostRun[] {
  const states = desiredStates(project, rendered);
  const { state, transport } = project;
  const certificates = usesTls(transport.goal) ? project.certificates : undefined;
  const userOf = (member: Member): string => loginUser(project, member);
  const wishes = fleet && fleetWishes(states, fleet, userOf, ({ name }) => certificates?.get(name)?.digest);
  const access = etcdAccess(transport, state);
  return states.map(({ member, desired: told, text }) => {
    const digest = createHash('sha256').update(text).digest('hex');
    const wish = wishes?.get(member.name);
    const files = certificates?.get(member.name)?.files ?? [];
    const desired = files.length === 0 ? told : { ...told, files: [...told.files, ...files] };
    const question = questionFor(desired, wish, etcd);
    return new HostRun({ member, desired, digest, question, fleet: wish, etcd, access });
  });
}

/** The user that coreup logs in as. */
function loginUser({ config: { provider } }: Project, { index }: Member): string {
  return provider.kind === 'ssh' ? (provider.hosts[index - 1]?.user ?? 'root') : LOCAL_USER;
}

/** As every CoreOS host has it, and every local one. */
const LOCAL_USER = 'core';

/** What the substitution variables stand for on a member's host. */
export function substitutions(member: Member): Readonly<Record<string, string | undefined>> {
  return {
    public_ipv4: member.publicIpv4,
    private_ipv4: member.privateIpv4,
    public_ipv6: member.publicIpv6,
    private_ipv6: member.privateIpv6,
  };
}
