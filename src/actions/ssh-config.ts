import { existsSync } from 'node:fs';
import type { Member } from '../cluster/types.js';
import type { SshTarget } from '../ssh/port.js';
import { renderSshConfig, type SshConfigEntry } from '../ssh/ssh-config.js';
import type { Project } from './project.js';
import { openProvider } from './session.js';

/** @returns text for `ssh -F`, `scp -F` and `rsync -e 'ssh -F …'`, with a Host block per member and per jump host */
export async function sshConfig(project: Project, members: readonly Member[]): Promise<string> {
  const provider = await openProvider(project, false);
  const targets = await Promise.all(members.map(async (member) => provider.target(member)));
  return renderSshConfig(entriesOf(targets, project.state.file('known_hosts')));
}

function entriesOf(targets: readonly SshTarget[], knownHostsFile: string): readonly SshConfigEntry[] {
  const jumps = new Map<string, SshConfigEntry>();
  /** @returns the name under which the jump host is found; no member has a dot in its name */
  const nameOfJump = (target: SshTarget): string => {
    const entry = entryOf(target, '');
    const known = jumps.get(JSON.stringify(entry));
    if (known !== undefined) return known.name;
    const name = `jump-${jumps.size + 1}.coreup`;
    jumps.set(JSON.stringify(entry), { ...entry, name });
    return name;
  };
  const entryOf = (target: SshTarget, name = target.name): SshConfigEntry => {
    const { address, port, user, identityFile, identities, trust, dial, jump } = target;
    const { agent } = identities ?? {};
    return {
      name,
      address,
      port,
      user,
      identityFiles: identityFile === undefined ? (identities?.files ?? []).filter(existsSync) : [identityFile],
      identitiesOnly: identityFile !== undefined || identities?.only === true,
      ...(agent === undefined ? {} : { agent }),
      knownHostsFiles: [knownHostsFile, ...(trust?.files ?? [])],
      ...(trust?.alias === undefined ? {} : { alias: trust.alias }),
      ...(trust?.revoked === undefined ? {} : { revoked: trust.revoked }),
      ...dial,
      ...(jump === undefined ? {} : { jump: nameOfJump(jump) }),
    };
  };
  const entries = targets.map((target) => entryOf(target));
  return [...entries, ...jumps.values()];
}
