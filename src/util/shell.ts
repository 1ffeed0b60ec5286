/** What a shell takes literally wherever a word may stand; `=` is not among it, for it can make an assignment. */
const PLAIN = /^[A-Za-z0-9_@%:,./+-]+$/;

/** Words that mean something where a command is expected (POSIX 2.4, and bash's additions). */
const RESERVED = new Set(
  'case coproc do done elif else esac fi for function if in select then time until while'.split(' '),
);

/**
 * The one place where text becomes part of a shell command.
 *
 * The word means the same wherever it is put, also as the command itself (`a=b` and `if` are quoted). It may still look
 * like an option: write `--` before words that users choose. A lone surrogate, which UTF-8 cannot carry, reaches the
 * shell as U+FFFD like everywhere in Node.
 *
 * @param text any string without NUL
 * @returns `text` as one word for a POSIX shell
 * @throws RangeError if `text` holds a NUL, which no argument can carry
 */
export function quote(text: string): string {
  if (text.includes('\0')) throw new RangeError('a shell word cannot hold a NUL character');
  if (PLAIN.test(text) && !RESERVED.has(text)) return text;
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/**
 * A shell command as a template: every `${value}` becomes one quoted word, an array becomes several (none, if empty).
 * The text between is taken as it is, so a value belongs where a word may stand: not inside quotes or a comment.
 *
 * @example sh`chown ${owner} -- ${path}`
 * @throws RangeError for a NUL in a value, and for a number right before a redirection, which would name a descriptor
 */
export function sh(parts: TemplateStringsArray, ...values: readonly (string | number | readonly string[])[]): string {
  return parts.reduce((command, part, index) => {
    const value = values[index - 1];
    if (value === undefined) return command + part;
    const words = typeof value === 'object' ? value.map(quote).join(' ') : quote(String(value));
    if (/^[<>]/.test(part) && /(^|[\s;&|(])\d+$/.test(command.slice(-1) + words)) {
      throw new RangeError(`put a space between ${words} and the redirection`);
    }
    return command + words + part;
  });
}
