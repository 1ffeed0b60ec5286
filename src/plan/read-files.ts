import { sh } from '../util/shell.js';
import { sha256 } from './digest.js';
import type { Observation } from './observation.js';
import type { Step } from './step.js';

/** Bytes of a file that are still shown line by line. */
export const MOST_SHOWN = 64 * 1024;

const MARK = '\x1e';

/** Files whose present content is worth reading, so that it can be compared with what it will be. */
export function filesToRead(steps: readonly Step[], observed: Observation): readonly string[] {
  const paths = steps.flatMap(({ action }): string[] => {
    if (action.kind === 'file-remove') return [action.path];
    if (action.kind !== 'file-write' || action.file.secret || action.file.content.length > MOST_SHOWN) return [];
    const there = observed.paths.get(action.file.path);
    return there?.type === 'file' && there.sha256 !== sha256(action.file.content) ? [action.file.path] : [];
  });
  return paths.filter((path) => !observed.contents.has(path) && observed.paths.get(path)?.type === 'file');
}

/** The script that prints files, those that are too large without their content. To be run as root; changes nothing. */
export function readScript(paths: readonly string[]): string {
  const read = paths.map(
    (path) =>
      sh`printf ${'\\036'}; [ -f ${path} ] && [ "$(stat -Lc %s -- ${path})" -le ${MOST_SHOWN} ] && { echo; base64 -w0 <${path}; }`,
  );
  return `${[...read, 'exit 0'].join('\n')}\n`;
}

/** @returns content by path, of those that could be read and are small enough */
export function parseFiles(paths: readonly string[], output: string): ReadonlyMap<string, Uint8Array> {
  const parts = output.split(MARK).slice(1);
  return new Map(
    paths.flatMap((path, index) => {
      const part = parts[index] ?? '';
      return part.startsWith('\n') ? [[path, Buffer.from(part.slice(1), 'base64')] as const] : [];
    }),
  );
}
