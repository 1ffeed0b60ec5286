import type ssh2 from 'ssh2';
import type { ParsedKey } from 'ssh2';
import type { Questions } from './questions.js';

/** Asks a person for a secret, without showing what is typed. @returns '' where no answer comes */
export type AskSecret = (question: string) => Promise<string>;

/** As ssh's NumberOfPasswordPrompts. */
const ATTEMPTS = 3;

/** Opens keys that are protected by a passphrase; asks for each key once, however many hosts want it. */
export class LockedKeys {
  readonly #opened = new Map<string, Promise<ParsedKey>>();

  constructor(
    private readonly questions: Questions,
    private readonly askSecret: AskSecret | undefined,
  ) {}

  /** Whether there is somebody to ask. */
  get canAsk(): boolean {
    return this.askSecret !== undefined;
  }

  /**
   * @param text the key file
   * @throws Error where the right passphrase was not given, then for this key every time; InterruptedError for Ctrl-C
   */
  open(file: string, text: string, library: typeof ssh2): Promise<ParsedKey> {
    const known = this.#opened.get(file);
    if (known !== undefined) return known;
    const opening = this.questions.ask(() => this.#ask(file, text, library));
    this.#opened.set(file, opening);
    return opening;
  }

  async #ask(file: string, text: string, library: typeof ssh2): Promise<ParsedKey> {
    let wrong = '';
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const passphrase = (await this.askSecret?.(`${wrong}Passphrase for the key ${file}:`)) ?? '';
      if (passphrase === '') throw new Error(`no passphrase was given for ${file}`);
      const key: ParsedKey | Error | undefined = [library.utils.parseKey(text, passphrase)].flat()[0];
      if (key !== undefined && !(key instanceof Error)) return key;
      wrong = 'Wrong. ';
    }
    throw new Error(`the passphrase for ${file} was wrong ${ATTEMPTS} times`);
  }
}
