import type { HostEdit, HostFile, HostState } from '../cluster/host-state.js';
import { sha256 } from './digest.js';
import { editLines } from './edit-lines.js';
import type { EditMemory, Manifest } from './manifest.js';
import type { ObservedPath, Observation } from './observation.js';
import { step, type Step } from './step.js';
import { textOf } from '../util/bytes.js';

/** What a file starts from that an edit has to make: CoreOS brings a template for update.conf. */
export const EDIT_TEMPLATES: Readonly<Record<string, string>> = {
  '/etc/coreos/update.conf': '/usr/share/coreos/update.conf',
};

export interface EditPlan {
  readonly steps: readonly Step[];
  /** For the manifest. */
  readonly edits: Manifest['edits'];
}

/** Edits of files that belong to the host, made on what is there now; those of an earlier user-data are taken back. */
export function planEdits(desired: HostState, observed: Observation): EditPlan {
  const before = observed.manifest?.edits ?? {};
  const written = new Set(desired.files.map((file) => file.path));
  const wanted = new Map(desired.edits.map((edit) => [edit.path, edit]));
  const steps: Step[] = [];
  const edits: Record<string, EditMemory> = {};
  // Of a file that the user-data writes as a whole, no line needs to be taken back.
  for (const path of new Set([...wanted.keys(), ...Object.keys(before)])) {
    if (written.has(path)) continue;
    const { made, lines, change } = planEdit(path, wanted.get(path), before[path], observed);
    if (change) steps.push(change);
    if (wanted.has(path)) edits[path] = { made, lines };
  }
  return { steps, edits };
}

function planEdit(
  path: string,
  edit: HostEdit | undefined,
  before: EditMemory | undefined,
  observed: Observation,
): EditMemory & { readonly change: Step | undefined } {
  const there = observed.paths.get(path);
  const content = observed.contents.get(path);
  const made = before?.made ?? content === undefined;
  const template = latin1(observed.contents.get(EDIT_TEMPLATES[path] ?? ''));
  // What an earlier user-data wrote as a whole is not the host's.
  const ownFile = content !== undefined && isOwn(path, sha256(content), observed.manifest);
  const text = content === undefined || ownFile ? template : latin1(content);
  const { text: result, lines } = editLines(text, edit?.format ?? 'environment', edit?.set ?? {}, before?.lines);
  const memory = { made: made || ownFile, lines };
  if (edit === undefined && content === undefined) return { ...memory, change: undefined };
  if (edit === undefined && made && result === template) {
    const sums = content === undefined ? [] : [sha256(content)];
    return { ...memory, change: step({ kind: 'file-remove', path, sha256: sums }, path, GONE) };
  }
  if (content !== undefined && latin1(content) === result) return { ...memory, change: undefined };
  const reason = edit === undefined ? GONE : content === undefined ? 'is missing' : reasonOf(text, result);
  const file = fileOf(path, there, Buffer.from(result, 'latin1'), edit);
  const present = content === undefined ? null : sha256(content);
  return { ...memory, change: step({ kind: 'file-edit', file, present }, path, reason) };
}

const GONE = 'has lines that are no longer in the user-data';

/** Names the keys whose lines differ, not their values. */
function reasonOf(text: string, result: string): string {
  const present = new Set(text.split(/\r?\n/));
  const keys = result
    .split(/\r?\n/)
    .flatMap((line) => (line === '' || present.has(line) ? [] : [line.split('=')[0] ?? '']));
  return keys.length === 0
    ? 'has a line too many'
    : `${keys.join(', ')} ${keys.length === 1 ? 'is' : 'are'} not set so`;
}

/** Mode and owner stay those of the file. */
function fileOf(
  path: string,
  there: ObservedPath | undefined,
  content: Uint8Array,
  edit: HostEdit | undefined,
): HostFile {
  const own = there?.type === 'file' ? { mode: there.mode, owner: `${there.uid}:${there.gid}` } : undefined;
  return { path, mode: 0o644, owner: null, ...own, content, origin: edit?.origin ?? { key: 'coreup' } };
}

function isOwn(path: string, sum: string, manifest: Manifest | undefined): boolean {
  return manifest?.files[path]?.split(' ').includes(sum) ?? false;
}

function latin1(content: Uint8Array | undefined): string {
  return content === undefined ? '' : textOf(content, 'latin1');
}
