/**
 * OpenSSH's match_pattern: `*` stands for any text, `?` for any one character, everything else for itself.
 *
 * No regular expression: patterns come from files, and one with many stars would take for ever.
 */
export function glob(pattern: string, text: string): boolean {
  let at = 0;
  let star = -1;
  let resume = 0;
  for (let position = 0; position < text.length;) {
    if (pattern[at] === '*') {
      star = at++;
      resume = position;
    } else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === text[position])) {
      at++;
      position++;
    } else if (star >= 0) {
      // The last star takes one character more; what an earlier one takes need not be tried again.
      at = star + 1;
      position = ++resume;
    } else {
      return false;
    }
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}
