import { rm } from 'node:fs/promises';
import type { Member } from '../cluster/types.js';
import type { Progress } from '../providers/port.js';
import type { Reporter } from '../report/port.js';
import { removeRendered } from '../render/files.js';
import { takeLock } from '../state/lock.js';
import type { Project } from './project.js';
import { selectMembers } from './hosts.js';
import { openProvider } from './session.js';

/** Which members something was done to. */
export interface PowerResult {
  readonly members: readonly string[];
}

/** Shuts hosts down. Those that are down already stay so. */
export async function halt(project: Project, members: readonly Member[], reporter: Reporter): Promise<PowerResult> {
  return locked(project, 'halt', async () => {
    const provider = await openProvider(project, false);
    await reporter.phase('Stopping hosts', () => provider.stop(members, progress(reporter)));
    return { members: members.map((member) => member.name) };
  });
}

/** Reboots hosts, and starts those that are down. */
export async function reload(project: Project, members: readonly Member[], reporter: Reporter): Promise<PowerResult> {
  return locked(project, 'reload', async () => {
    const provider = await openProvider(project, true);
    await reporter.phase('Restarting hosts', () => provider.reboot(members, progress(reporter)));
    return { members: members.map((member) => member.name) };
  });
}

/**
 * Which hosts `destroy` would remove.
 *
 * @param names members, or hosts that config.ts no longer has; none for all that there are
 * @throws InputError NO_SUCH_MEMBER for a name that is neither
 */
export async function doomedHosts(project: Project, names: readonly string[]): Promise<readonly string[]> {
  const existing = await (await openProvider(project, false)).existing();
  const unknown = names.filter((name) => !existing.includes(name));
  if (unknown.length > 0) selectMembers(project, unknown);
  return names.length === 0 ? existing : names;
}

/**
 * Which of these hosts leave an etcd cluster that was founded and goes on without them.
 *
 * @param doomed names of hosts
 */
export async function lostMembers(project: Project, doomed: readonly string[]): Promise<readonly string[]> {
  const { bootstrap } = await project.state.load();
  if (bootstrap?.phase !== 'done') return [];
  const existing = await (await openProvider(project, false)).existing();
  const stays = bootstrap.members.some((name) => existing.includes(name) && !doomed.includes(name));
  return stays ? bootstrap.members.filter((name) => doomed.includes(name)) : [];
}

/**
 * Removes hosts. With the last one, everything that coreup made for the cluster goes: rendered files and `.coreup` too.
 */
export async function destroy(project: Project, names: readonly string[], reporter: Reporter): Promise<PowerResult> {
  return locked(project, 'destroy', async () => {
    const provider = await openProvider(project, false);
    await reporter.phase('Removing hosts', () => provider.remove(names, progress(reporter)));
    if ((await provider.existing()).length === 0) await forget(project);
    return { members: names };
  });
}

/** Removes what was generated. The state goes last: until then it says which files are coreup's. */
async function forget(project: Project): Promise<void> {
  await removeRendered(project.directory, project.state);
  await rm(project.state.path, { recursive: true, force: true });
}

async function locked<T>(project: Project, command: string, work: () => Promise<T>): Promise<T> {
  const unlock = await takeLock(project.state, command);
  try {
    return await work();
  } finally {
    await unlock();
  }
}

function progress(reporter: Reporter): Progress {
  return (note, member) => {
    if (member === undefined) reporter.info(note);
    else reporter.member(member, note);
  };
}
