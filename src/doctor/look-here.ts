import { execa } from 'execa';
import { constants } from 'node:fs';
import { access, lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Problem } from '../providers/port.js';
import { isGone, readLock, type LockOwner } from '../state/lock.js';
import type { State, StateDirectory } from '../state/state.js';
import { CoreupError, messageOf } from '../util/errors.js';

/** How this machine and the project directory are. */
export interface HereFacts {
  readonly node: { readonly running: string; readonly least: string };
  readonly hasSshClient: boolean;
  readonly usesSshConfig: boolean;
  /** What the provider misses on this machine, or in the ssh configuration. */
  readonly problems: readonly Problem[];
  readonly directory: string;
  readonly writable: boolean;
  /** Files and directories with what others must not read, and who may. */
  readonly exposed: readonly { readonly path: string; readonly mode: number; readonly key: boolean }[];
  readonly state: State | { readonly unreadable: string; readonly hint: string };
  readonly lock: { readonly owner: LockOwner; readonly gone: boolean } | { readonly unreadable: string } | undefined;
}

/** Looks at this machine, and changes nothing. Never fails. */
export async function lookHere(
  { directory, state }: { readonly directory: string; readonly state: StateDirectory },
  {
    problems,
    usesSshConfig,
  }: { readonly problems: () => Promise<readonly Problem[]>; readonly usesSshConfig: boolean },
): Promise<HereFacts> {
  const [hasSshClient, found, writable, exposed, remembered, lock] = await Promise.all([
    execa('ssh', ['-V'], { reject: false, timeout: 5000 }).then(({ exitCode }) => exitCode === 0),
    problems().catch((error: unknown): readonly Problem[] => [
      { message: messageOf(error), remedy: hintOf(error), blame: 'machine' },
    ]),
    access(directory, constants.W_OK).then(() => true, () => false), // prettier-ignore
    exposedFiles(directory, state.path),
    state.load().catch((error: unknown) => ({ unreadable: messageOf(error), hint: hintOf(error) })),
    lockOf(state),
  ]);
  const node = { running: process.versions.node, least: await leastNode() };
  return { node, hasSshClient, usesSshConfig, problems: found, directory, writable, exposed, state: remembered, lock };
}

async function lockOf(state: StateDirectory): Promise<HereFacts['lock']> {
  try {
    const owner = await readLock(state);
    return owner && { owner, gone: isGone(owner) };
  } catch (error) {
    return { unreadable: messageOf(error) };
  }
}

/** What `engines` in package.json asks for, such as `20.19`. */
async function leastNode(): Promise<string> {
  try {
    const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
    const { engines } = JSON.parse(text) as { engines?: { node?: string } };
    return /[\d.]+/.exec(engines?.node ?? '')?.[0] ?? '0';
  } catch {
    return '0';
  }
}

/** What is in `.coreup`, and the rendered user-data, as far as others may read it. */
async function exposedFiles(directory: string, own: string): Promise<HereFacts['exposed']> {
  const inside = await readdir(own, { recursive: true, withFileTypes: true }).catch(() => []);
  const rendered = (await readdir(directory).catch(() => [])).filter((name) => /^user-data-\d+$/.test(name));
  const pki = join(own, 'pki');
  // In pki/ certificates and keys share their files.
  const keys = inside.filter(
    (entry) => entry.isFile() && (/^id_\w+$/.test(entry.name) || `${entry.parentPath}/`.startsWith(`${pki}/`)),
  );
  const candidates = [
    { path: own, key: false },
    ...keys.map((entry) => ({ path: join(entry.parentPath, entry.name), key: true })),
    ...rendered.map((name) => ({ path: join(directory, name), key: false })),
  ];
  const seen = await Promise.all(
    candidates.map(async ({ path, key }) => {
      const stat = await lstat(path).catch(() => undefined);
      return stat === undefined || (stat.mode & 0o077) === 0 ? [] : [{ path, key, mode: stat.mode & 0o7777 }];
    }),
  );
  return seen.flat();
}

function hintOf(error: unknown): string {
  return (error instanceof CoreupError ? error.hint : undefined) ?? 'Run it again with -v.';
}
