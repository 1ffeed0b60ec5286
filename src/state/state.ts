import { constants } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CoreupError, InputError } from '../util/errors.js';
import { makeDirectories, writeFileAtomic } from '../util/fs.js';
import { EMPTY_STATE, parseState, STATE_VERSION, type State } from './format.js';

export type { DiscoveryState, FoundAddresses, State } from './format.js';

/** The `.coreup` directory of one project. */
export class StateDirectory {
  constructor(readonly path: string) {}

  file(name: string): string {
    return join(this.path, name);
  }

  /**
   * Makes the directory (0700) where it is missing.
   *
   * @throws InputError STATE_UNWRITABLE if this user cannot write there
   */
  async ensure(): Promise<void> {
    try {
      await makeDirectories(this.path, 0o700);
      await access(this.path, constants.W_OK);
    } catch (error) {
      throw new InputError(`cannot write into ${this.path}: ${(error as Error).message}`, {
        code: 'STATE_UNWRITABLE',
        hint: `Make ${dirname(this.path)} writable for this user, or run coreup as the user who owns it.`,
        cause: error,
      });
    }
  }

  /**
   * @returns the remembered state, or an empty one where nothing is remembered yet
   * @throws CoreupError STATE_UNREADABLE if the file is there but is no state, STATE_NEWER if a newer coreup wrote it
   */
  async load(): Promise<State> {
    const path = this.file('state.json');
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return EMPTY_STATE;
      throw new CoreupError(`cannot read ${path}: ${(error as Error).message}`, {
        code: 'STATE_UNREADABLE',
        hint: 'Make the project directory readable for this user.',
        cause: error,
      });
    }
    const read = parseState(text);
    switch (read.kind) {
      case 'state':
        return read.state;
      case 'newer':
        throw new CoreupError(
          `${path} was written by a newer coreup (state version ${read.version}; this one knows up to ${STATE_VERSION})`,
          { code: 'STATE_NEWER', hint: 'Update coreup here; an older one could undo what the newer one has made.' },
        );
      case 'corrupt':
        throw new CoreupError(`${path} cannot be used: ${read.reason}. It was left as it is`, {
          code: 'STATE_UNREADABLE',
          hint:
            'Put it back from a backup. Without one, move it away and run `coreup up`: it looks at the hosts anew, and ' +
            'refuses what it cannot be sure of.',
        });
    }
  }

  /** Applies a change to the newest state on disk and writes it atomically. */
  async update(change: (state: State) => State): Promise<State> {
    await this.ensure();
    const before = await this.load();
    const after = change(before);
    if (JSON.stringify(after) !== JSON.stringify(before)) {
      await writeFileAtomic(this.file('state.json'), `${JSON.stringify(after, null, 2)}\n`, 0o600);
    }
    return after;
  }
}
