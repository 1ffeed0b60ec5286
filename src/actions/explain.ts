import { readFile } from 'node:fs/promises';
import { explain as explainState, type ExplainedFile, type Explanation } from '../cloud-config/explain.js';
import type { HostContext } from '../cloud-config/interpret.js';
import type { CloudConfigDocument } from '../cloud-config/nodes.js';
import { readUserData } from '../cloud-config/read-user-data.js';
import type { UserDataSource } from '../cloud-config/source.js';
import type { SubstitutionVars } from '../cloud-config/substitute.js';
import type { AuthorizedKeys, HostState, Origin, UnitCommand } from '../cluster/host-state.js';
import { persistentPath } from '../plan/persist.js';
import { InputError } from '../util/errors.js';
import { unreadable } from './issue.js';
import type { Project } from './project.js';

export type { ExplainedFile, Explanation, Origin, SubstitutionVars };

/** What one user-data means, and where each effect comes from. */
export interface Explained {
  /** The member's; null for a document that was given alone. */
  readonly name: string | null;
  /** What lines count in. */
  readonly file: string;
  readonly explanation: Explanation;
  /** Origins that `explanation` has no place for. */
  readonly hostnameFrom: Origin;
  readonly keys: readonly AuthorizedKeys[];
  readonly commands: readonly UnitCommand[];
  /** Where `up` puts files, by the path that CoreOS uses, where the two differ. */
  readonly elsewhere: ReadonlyMap<string, string>;
}

/**
 * What a document means by itself.
 *
 * @throws InputError where it cannot be read, and for a variable that is used and has no value
 */
export async function explainFile(file: string, vars: SubstitutionVars): Promise<Explained> {
  if (file.endsWith('.hbs')) {
    throw new InputError(`${file} is a template, so it means nothing before it is rendered`, {
      code: 'USER_DATA_TEMPLATE',
      hint: 'Run `coreup explain` in the project directory, without FILE: it explains what each member gets.',
      location: { file },
    });
  }
  let text: Buffer;
  try {
    text = await readFile(file);
  } catch (error) {
    const { message } = unreadable(file, error);
    throw new InputError(`${file}: ${message}`, { code: 'USER_DATA_UNREADABLE', location: { file }, cause: error });
  }
  return explained(null, { file, text }, { vars });
}

/**
 * What each member's rendered user-data means on its host.
 *
 * @param names of members; all, if empty
 */
export async function explainMembers(project: Project, names: readonly string[]): Promise<readonly Explained[]> {
  const { selectMembers } = await import('./hosts.js');
  const { renderProject, substitutions } = await import('./desired.js');
  const wanted = new Set(selectMembers(project, names).map((member) => member.name));
  return renderProject(project)
    .filter(({ member }) => wanted.has(member.name))
    .map(({ member, fileName, text }) => {
      const context = { vars: substitutions(member), hostname: member.name };
      return explained(member.name, { file: fileName, text }, context);
    });
}

function explained(name: string | null, source: UserDataSource, context: HostContext): Explained {
  const { state, document } = readUserData(source, context);
  return {
    name,
    file: source.file,
    explanation: explainState(state),
    hostnameFrom: hostnameOrigin(document),
    keys: state.authorizedKeys,
    commands: state.commands,
    elsewhere: movedFiles(state),
  };
}

function hostnameOrigin(document: CloudConfigDocument): Origin {
  const entry = document.root?.byKey.get('hostname');
  return { key: 'hostname', ...(entry === undefined ? {} : { line: document.position(entry.keyStart).line }) };
}

function movedFiles({ files }: HostState): ReadonlyMap<string, string> {
  const moved = files.map(({ path }) => [path, persistentPath(path)] as const);
  return new Map(moved.filter(([from, to]) => from !== to));
}
