/**
 * Takes a list of files as `ssh -G` prints it apart. It has neither quotes nor backslashes, so that a blank may be between
 * two files or inside one: words that together name a file are taken for it, the longest first. Of a file that is not
 * there nothing can be read in any case.
 *
 * @param path makes the path of a name
 */
export function fileNames(text: string, path: (name: string) => string, isFile: (path: string) => boolean): string[] {
  const words = text.split(' ');
  const found: string[] = [];
  for (let at = 0; at < words.length;) {
    let end = Math.min(words.length, at + MOST_WORDS);
    while (end > at + 1 && !(words[at] !== '' && isFile(path(words.slice(at, end).join(' '))))) end--;
    const name = words.slice(at, end).join(' ');
    if (name !== '') found.push(path(name));
    at = end;
  }
  return found;
}

/** Words in one name; a name of more is nobody's, and a line of thousands of words would take for ever. */
const MOST_WORDS = 16;
