import { lstatSync } from 'node:fs';
import { relative } from 'node:path';
import { execa } from 'execa';

/** One place in which a secret was seen. */
export interface Found {
  readonly secret: string;
  /** How it was written there: `as it is`, `base64`, … */
  readonly form: string;
  readonly where: string;
}

/** A file with a secret in it; `where` is its path below what was looked through. */
export interface FoundFile extends Found {
  readonly mode: string;
  /** `UID:GID`. */
  readonly owner: string;
}

/**
 * Secrets by name, and where they show: as they are, and in base64, hex, URL-encoded and JSON-escaped. Of a private key in
 * PEM each line of the body counts, except the last: there is only the public key in that one.
 */
export class Secrets {
  /** What is looked for → what it is. */
  readonly #marks = new Map<string, Pick<Found, 'secret' | 'form'>>();

  constructor(named: Readonly<Record<string, string>>) {
    for (const [secret, text] of Object.entries(named)) {
      for (const line of linesOf(text)) {
        if (line.length < 12) throw new RangeError(`${secret} is too short to be told from other text`);
        for (const [form, mark] of formsOf(line)) {
          if (!this.#marks.has(mark)) this.#marks.set(mark, { secret, form });
        }
      }
    }
  }

  /** @returns one entry for each secret and form */
  inText(where: string, text: string): readonly Found[] {
    const bytes = Buffer.from(text, 'utf8');
    return once([...this.#marks].flatMap(([mark, what]) => (bytes.includes(mark) ? [{ ...what, where }] : [])));
  }

  /** Looks through every file below a directory, whatever is in it, with grep. */
  async inFiles(directory: string): Promise<readonly FoundFile[]> {
    const { exitCode, stdout, stderr } = await execa(
      'grep',
      ['--recursive', '--text', '--only-matching', '--fixed-strings', '--null', '--no-messages', '--file=-', directory],
      { input: [...this.#marks.keys()].join('\n'), env: { LC_ALL: 'C' }, reject: false, maxBuffer: 1e9 },
    );
    // 2: a file has gone meanwhile, or cannot be read; grep tells the rest.
    if (![0, 1, 2].includes(exitCode ?? -1)) throw new Error(`grep ended with ${exitCode}: ${stderr}`);
    const found = stdout.split('\n').flatMap((line) => {
      const [path = '', mark = ''] = line.split('\0');
      const what = this.#marks.get(mark);
      if (!what) return [];
      const { mode, uid, gid } = lstatSync(path);
      const where = relative(directory, path);
      return [{ ...what, where, mode: (mode & 0o7777).toString(8), owner: `${uid}:${gid}` }];
    });
    return once(found);
  }
}

/** For comparing: each secret and place once, whatever its form, in order. */
export function places(found: readonly (Found | FoundFile)[]): readonly string[] {
  const lines = found.map((one) => {
    const access = 'mode' in one ? ` ${one.mode} ${one.owner}` : '';
    return `${one.secret}: ${one.where}${access}`;
  });
  return [...new Set(lines)].sort();
}

function once<T extends Found>(found: readonly T[]): readonly T[] {
  return [...new Map(found.map((one) => [`${one.secret}\0${one.form}\0${one.where}`, one])).values()];
}

function linesOf(text: string): readonly string[] {
  const [, body] = /-----BEGIN [A-Z ]*PRIVATE KEY-----\n([\s\S]+?)\n-----END/.exec(text) ?? [];
  return body === undefined ? text.split('\n').filter((line) => line !== '') : body.split('\n').slice(0, -1);
}

function formsOf(line: string): readonly (readonly [string, string])[] {
  const bytes = Buffer.from(line);
  const hex = bytes.toString('hex');
  return [
    ['as it is', line],
    ...[0, 1, 2].map((shift) => ['base64', base64At(bytes, shift)] as const),
    ['hex', hex],
    ['hex', hex.toUpperCase()],
    ['URL-encoded', encodeURIComponent(line)],
    ['URL-encoded', new URLSearchParams([['', line]]).toString().slice(1)],
    ['JSON-escaped', JSON.stringify(line).slice(1, -1)],
    // As a command sees it that has it in single quotes.
    ['shell-quoted', line.replaceAll("'", `'\\''`)],
  ];
}

/** What of a longer text's base64 depends on these bytes alone, if so many bytes (modulo 3) precede them. */
function base64At(bytes: Buffer, shift: number): string {
  const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64');
  return text.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + bytes.length) * 8) / 6));
}
