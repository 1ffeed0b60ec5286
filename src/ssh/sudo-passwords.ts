import type { AskSecret } from './locked-keys.js';
import type { SshTarget } from './port.js';
import type { Questions } from './questions.js';

export interface SudoPasswordSources {
  readonly askSecret: AskSecret | undefined;
  /** Where there is nobody to ask. */
  readonly given: (() => Promise<string | undefined>) | undefined;
}

/** A password, and how many there were before it. */
interface Answer {
  readonly number: number;
  /** '' where none was given. */
  readonly password: string;
}

/** Wrong passwords for one host after which it is given up. */
const ATTEMPTS = 3;

/** sudo passwords of one run, kept in memory only. One is asked for once, and serves for all hosts that take it. */
export class SudoPasswords {
  readonly #latest = new Map<string, Promise<Answer>>();

  constructor(
    private readonly questions: Questions,
    private readonly sources: SudoPasswordSources,
  ) {}

  /** The passwords of one host. */
  of(target: SshTarget): HostPasswords {
    return new HostPasswords((last) => this.#after(target, last));
  }

  /** The first password newer than number `last`; somebody is asked only if there is none yet. */
  async #after(target: SshTarget, last: number): Promise<Answer> {
    const known = this.#latest.get(target.user);
    const latest = await known;
    if (latest !== undefined && (latest.number > last || latest.password === '')) return latest;
    // While we waited, another host may have asked.
    if (this.#latest.get(target.user) !== known) return this.#after(target, last);
    const number = last + 1;
    const asked = this.#ask(target, number > 1).then((password) => ({ number, password }));
    this.#latest.set(target.user, asked);
    return asked;
  }

  async #ask({ user, name }: SshTarget, again: boolean): Promise<string> {
    const { askSecret, given } = this.sources;
    if (askSecret === undefined) return again ? '' : ((await given?.()) ?? '');
    const question = again ? `Wrong on ${name}. sudo password of ${user} there:` : `sudo password of ${user}:`;
    return this.questions.ask(() => askSecret(question));
  }
}

/** What to answer when sudo asks on one host. */
export class HostPasswords {
  #current: Answer | undefined;
  #refused = 0;

  constructor(private readonly after: (last: number) => Promise<Answer>) {}

  /**
   * @param refused whether the host did not take the last one
   * @returns undefined when there is none left to try
   */
  async next(refused: boolean): Promise<string | undefined> {
    if (refused && ++this.#refused >= ATTEMPTS) return undefined;
    if (refused || this.#current === undefined) this.#current = await this.after(this.#current?.number ?? 0);
    return this.#current.password === '' ? undefined : this.#current.password;
  }
}
