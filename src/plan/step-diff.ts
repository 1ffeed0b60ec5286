import type { HostFile } from '../cluster/host-state.js';
import { HIDDEN, reasonToHide, sizeOf, withoutSecrets } from '../util/mask.js';
import type { Observation } from './observation.js';
import { MOST_SHOWN } from './read-files.js';
import type { Step } from './step.js';
import { unifiedDiff } from './unified.js';

/**
 * What a step changes in a file, as a unified diff, for people to see: secrets are hidden, and so is what is not text or
 * too long. Pure.
 *
 * @param contents what is on the host, as far as it was read
 * @returns undefined where no content changes
 */
export function stepDiff(
  { action }: Step,
  observed: Observation,
  contents: ReadonlyMap<string, Uint8Array>,
): string | undefined {
  switch (action.kind) {
    case 'file-write':
    case 'file-edit':
      return fileDiff(action.file.path, action.file, observed, contents);
    case 'file-remove':
      return action.restore ? undefined : fileDiff(action.path, undefined, observed, contents);
    case 'hostname':
      return `-${observed.hostname}\n+${action.name}\n`;
    case 'authorized-keys':
      return [
        ...action.remove.map((key) => `-${shortKey(key)}\n`),
        ...action.add.map((key) => `+${shortKey(key)}\n`),
      ].join('');
    default:
      return undefined;
  }
}

function fileDiff(
  path: string,
  file: HostFile | undefined,
  observed: Observation,
  contents: ReadonlyMap<string, Uint8Array>,
): string | undefined {
  const there = observed.paths.get(path);
  const isFile = there?.type === 'file';
  const present = isFile ? (contents.get(path) ?? observed.contents.get(path)) : undefined;
  if (file !== undefined && present !== undefined && Buffer.from(present).equals(file.content)) return undefined;
  const header = `--- ${isFile ? path : '/dev/null'}\n+++ ${file ? path : '/dev/null'}\n`;
  const why = reasonNotToShow(file, isFile ? { mode: there.mode, content: present } : undefined);
  if (why !== undefined) return `${header}${why}\n`;
  const changes = unifiedDiff(textOf(present), textOf(file?.content));
  return changes === '' ? undefined : header + withoutSecrets(changes);
}

/** What is said of a file instead of its content; undefined where that may be shown. */
function reasonNotToShow(
  file: HostFile | undefined,
  there: { readonly mode: number; readonly content: Uint8Array | undefined } | undefined,
): string | undefined {
  const size = file === undefined ? '' : ` ${sizeOf(file.content.length)}`;
  if (file?.secret) return `${HIDDEN}${size}, since it is a secret`;
  const sides = [
    ...(file ? [{ mode: file.mode, content: file.content as Uint8Array | undefined }] : []),
    ...(there ? [there] : []),
  ];
  for (const { mode, content } of sides) {
    const why = reasonToHide(mode, textOf(content));
    if (why !== undefined) return `${HIDDEN}${size}, ${why}`;
  }
  if (sides.some(({ content }) => content === undefined || content.length > MOST_SHOWN))
    return `(long,${size || ' too long to show'})`;
  return sides.some(({ content }) => isBinary(content)) ? `(binary,${size || ' removed'})` : undefined;
}

function isBinary(content: Uint8Array | undefined): boolean {
  if (content === undefined) return false;
  return content.includes(0) || !Buffer.from(textOf(content)).equals(content);
}

function textOf(content: Uint8Array | undefined): string {
  return content === undefined ? '' : Buffer.from(content).toString('utf8');
}

/** A public key is known by its type, its end and its comment; options may hold anything. */
function shortKey(key: string): string {
  return withoutSecrets(key).replace(/[A-Za-z0-9+/=]{60,}/, (data) => `${data.slice(0, 12)}…${data.slice(-12)}`);
}
