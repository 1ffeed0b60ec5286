/**
 * The one place where text becomes part of a shell command.
 *
 * @param text any string without NUL
 * @returns `text` as one word for a POSIX shell, unchanged in meaning
 * @throws RangeError if `text` holds a NUL, which no argument can carry
 */
export function quote(text: string): string {
  if (text.includes('\0')) throw new RangeError('a shell word cannot hold a NUL character');
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(text) && !/^[=~]/.test(text)) return text;
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/**
 * A shell command as a template: every `${value}` becomes one quoted word, an array becomes several.
 *
 * @example sh`chown ${owner} -- ${path}`
 */
export function sh(parts: TemplateStringsArray, ...values: readonly (string | number | readonly string[])[]): string {
  return parts.reduce((command, part, index) => {
    const value = values[index - 1];
    if (value === undefined) return command + part;
    const words = Array.isArray(value) ? value.map(quote).join(' ') : quote(String(value as string | number));
    return command + words + part;
  });
}
