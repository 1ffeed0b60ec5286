import type { HostFile } from '../../../src/cluster/host-state.js';
import { quote } from '../../../src/util/shell.js';

/** Runs a command on a host as somebody who may use sudo. @returns what it printed on stdout */
export type OnHost = (command: string) => Promise<string>;

/** A file as it is on a host: what it is, its mode, owner and content, in one line each. */
export interface SeenFile {
  readonly type: string;
  readonly mode: string;
  readonly owner: string;
  readonly content: string;
}

/** Looks with stat and base64 and nothing of coreup's own. @returns undefined for what is not there */
export async function readFiles(on: OnHost, paths: readonly string[]): Promise<Map<string, SeenFile | undefined>> {
  const script = `for p; do if [ -e "$p" ] || [ -L "$p" ]
    then stat -c '%F|%a|%u:%g|%U:%G' -- "$p"; if [ -f "$p" ]; then base64 -w0 -- "$p"; fi; echo
    else echo missing; echo; fi; done`;
  const lines = (await on(`sudo sh -c ${quote(script)} sh ${paths.map(quote).join(' ')}`)).split('\n');
  return new Map(
    paths.map((path, index) => {
      const [stat = '', content = ''] = lines.slice(index * 2);
      const [type = '', mode = '', ids = '', names = ''] = stat.split('|');
      if (stat === 'missing') return [path, undefined];
      return [
        path,
        { type, mode, owner: `${ids} ${names}`, content: Buffer.from(content, 'base64').toString('latin1') },
      ];
    }),
  );
}

/** What `readFiles` must give for a file of a host state, if `owner` is the one that is there. */
export function expectedFile(file: HostFile, seen: SeenFile | undefined): SeenFile {
  const content = Buffer.from(file.content);
  return {
    type: content.length === 0 ? 'regular empty file' : 'regular file',
    mode: file.mode.toString(8),
    owner: seen !== undefined && isOwner(file.owner, seen.owner) ? seen.owner : `chown ${file.owner ?? 'root:root'}`,
    content: content.toString('latin1'),
  };
}

/** @param spec as for chown(1), which was given to a file of root's */
function isOwner(spec: string | null, seen: string): boolean {
  const [user = 'root', group = 'root'] = (spec ?? 'root').split(':');
  const [ids = '', names = ''] = seen.split(' ');
  const [uid, gid] = ids.split(':');
  const [userName, groupName] = names.split(':');
  return [uid, userName].includes(user) && [gid, groupName].includes(group);
}
