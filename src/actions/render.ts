import { join, resolve } from 'node:path';
import type { Role } from '../cluster/types.js';
import { writeRendered } from '../render/files.js';
import type { UserData } from '../render/user-data.js';
import { takeLock } from '../state/lock.js';
import { StateDirectory } from '../state/state.js';
import { InputError } from '../util/errors.js';
import { makeDirectories } from '../util/fs.js';
import { refuseInvalidUserData } from './check-user-data.js';
import { prepareDiscovery } from './discovery.js';
import { desiredStates, renderProject, requireAddresses } from './desired.js';
import { withStandIns, type Project } from './project.js';

export interface RenderResult {
  readonly members: readonly { name: string; index: number; file: string; role: Role }[];
  readonly written: readonly string[];
  readonly removed: readonly string[];
}

/** Renders for reading: what is made once per cluster is made and remembered, and nothing else is written. */
export async function renderForReading(project: Project): Promise<readonly UserData[]> {
  const first = checkRendering(project);
  return renderFor(await prepareDiscovery(project), project, first);
}

/** Renders and checks in memory; nothing is written. What is wrong in files is told before what is only not known yet. */
function checkRendering(project: Project): readonly UserData[] {
  const known = withStandIns(project);
  const rendered = renderProject(known);
  refuseInvalidUserData(known, rendered);
  desiredStates(known, rendered);
  requireAddresses(project);
  return rendered;
}

/** What was rendered for the project as asked, anew only where discovery has changed it: a thousand members take a while. */
function renderFor(project: Project, asked: Project, first: readonly UserData[]): readonly UserData[] {
  return project === asked ? first : renderProject(project);
}

/**
 * Writes `user-data-1 … N`.
 *
 * @param out another directory than the project's; what was written there is remembered in its own `.coreup`
 */
export async function render(asked: Project, out?: string): Promise<RenderResult> {
  const first = checkRendering(asked);
  const directory = out === undefined ? asked.directory : resolve(out);
  const state = out === undefined ? asked.state : new StateDirectory(join(directory, '.coreup'));
  try {
    await makeDirectories(directory);
  } catch (error) {
    throw new InputError(`cannot write into ${directory}: ${(error as Error).message}`, {
      code: 'RENDER_UNWRITABLE',
      hint: 'Make the directory writable for this user, or give another one with --out.',
      cause: error,
    });
  }
  const unlock = await takeLock(state, 'render');
  try {
    const rendered = renderFor(await prepareDiscovery(asked), asked, first);
    const { written, removed } = await writeRendered(directory, rendered, state);
    const members = rendered.map(({ member, fileName }) => ({
      name: member.name,
      index: member.index,
      file: join(directory, fileName),
      role: member.role,
    }));
    return { members, written, removed };
  } finally {
    await unlock();
  }
}
