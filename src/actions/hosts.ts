import type { Member } from '../cluster/types.js';
import { nearest } from '../util/nearest.js';
import { CoreupError, InputError } from '../util/errors.js';
import type { Connection, Ssh } from '../ssh/port.js';
import type { Provider } from '../providers/port.js';
import type { Project } from './project.js';
import { openProvider, openSsh } from './session.js';

/**
 * Finds members by the names that a person typed.
 *
 * @returns all members where no name is given
 * @throws InputError NO_SUCH_MEMBER naming the nearest
 */
export function selectMembers(project: Project, names: readonly string[]): readonly Member[] {
  const { members } = project.cluster;
  if (names.length === 0) return members;
  return names.map((name) => {
    const member = members.find((candidate) => candidate.name === name);
    if (member) return member;
    const all = members.map((candidate) => candidate.name);
    const near = nearest(name, all);
    throw new InputError(`there is no member ${name} in this cluster${near ? `; did you mean ${near}?` : ''}`, {
      code: 'NO_SUCH_MEMBER',
      hint: `The members are ${all.length > 12 ? `${all.slice(0, 12).join(', ')}, …` : all.join(', ')}.`,
    });
  });
}

/** The way to the hosts of a project. */
export interface Way {
  readonly provider: Provider;
  /** @param deadline milliseconds in which the connection must stand */
  readonly connect: (member: Member, deadline?: number) => Promise<Connection>;
  readonly ssh: Ssh;
}

/** Opens what is needed to talk to hosts, and closes it in every case. */
export async function withHosts<T>(project: Project, work: (way: Way) => Promise<T>): Promise<T> {
  const provider = await openProvider(project, false);
  const ssh = await openSsh(project);
  try {
    const connect = async (member: Member, deadline = 5000): Promise<Connection> => {
      const power = (await provider.status(project.cluster)).get(member.name);
      if (power !== 'running') {
        throw new CoreupError(`the host ${member.name} is ${power === 'stopped' ? 'shut down' : 'not there'}`, {
          code: 'HOST_NOT_RUNNING',
          hint: 'Run `coreup up`.',
          member: member.name,
        });
      }
      await provider.assertReachable([member]);
      return ssh.connect(await provider.target(member), { deadline });
    };
    return await work({ provider, connect, ssh });
  } finally {
    await ssh.close();
  }
}
