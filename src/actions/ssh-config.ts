import { renderSshConfig } from '../ssh/ssh-config.js';
import type { Member } from '../cluster/types.js';
import type { Project } from './project.js';
import { openProvider } from './session.js';

/** @returns text for `ssh -F`, `scp -F` and `rsync -e 'ssh -F …'`, with a Host block per member */
export async function sshConfig(project: Project, members: readonly Member[]): Promise<string> {
  const provider = await openProvider(project, false);
  return renderSshConfig(
    members.map((member) => {
      const { name, address, port, user, identityFile } = provider.target(member);
      return {
        name,
        address,
        port,
        user,
        ...(identityFile === undefined ? {} : { identityFile }),
        knownHostsFile: project.state.file('known_hosts'),
      };
    }),
  );
}
