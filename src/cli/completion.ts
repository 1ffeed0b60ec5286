/** What completion must know of a command; oclif's own description of one has it. */
export interface Completable {
  /** Words joined by `:`. */
  readonly id: string;
  readonly hidden?: boolean | undefined;
  readonly flags: Readonly<Record<string, CompletableFlag>>;
  readonly args: Readonly<Record<string, { readonly options?: readonly string[] | undefined }>>;
}

interface CompletableFlag {
  readonly type: string;
  readonly char?: string | undefined;
  readonly allowNo?: boolean | undefined;
  readonly options?: readonly string[] | undefined;
}

/** How many of a command's arguments are names of members. */
const MEMBER_ARGS = new Map([
  ['ssh', 1],
  ['logs', 1],
  ['halt', Infinity],
  ['reload', Infinity],
  ['destroy', Infinity],
  ['ssh-config', Infinity],
  ['certs:renew', Infinity],
]);
const MEMBER_FLAGS = ['on', 'member', 'kill'];

/** A command line with flags and values apart: `--on=core-01`, which bash hands on as three words, is as `--on core-01`. */
export function flagsApart(words: readonly string[]): readonly string[] {
  return words.flatMap((word, at) => {
    if (word === '=' && words[at - 1]?.startsWith('--')) return [];
    const [, flag, value] = /^(--[^=]+)=(.*)$/s.exec(word) ?? [];
    return flag === undefined || value === undefined ? [word] : [flag, value];
  });
}

/**
 * What may stand where the person pressed Tab.
 *
 * @param words what is typed after the program's name; the last one is being typed and may be empty
 * @param members asked only where a member can stand
 * @returns none where files, or anything, may stand
 */
export function candidates(
  words: readonly string[],
  commands: readonly Completable[],
  members: () => readonly string[],
): readonly string[] {
  const current = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  if (before.includes('--')) return [];
  const shown = commands.filter(({ hidden }) => hidden !== true);
  // A command may be the first word of others, as `certs` is of `certs renew`.
  const command = shown
    .filter(({ id }) => id.split(':').every((word, at) => before[at] === word))
    .sort((a, b) => b.id.length - a.id.length)[0];
  const found = [
    ...nextWords(before, shown),
    ...(command === undefined ? [] : ofCommand(command, before, current, members)),
  ];
  return found.filter((candidate) => candidate.startsWith(current));
}

function nextWords(before: readonly string[], commands: readonly Completable[]): readonly string[] {
  const ids = commands.map(({ id }) => id.split(':')).filter((id) => before.every((word, at) => id[at] === word));
  return [...new Set(ids.flatMap((id) => id[before.length] ?? []))].sort();
}

function ofCommand(
  { id, flags, args }: Completable,
  before: readonly string[],
  current: string,
  members: () => readonly string[],
): readonly string[] {
  const given = before.slice(id.split(':').length);
  const flagOf = (word: string | undefined): [string, CompletableFlag] | undefined =>
    Object.entries(flags).find(
      ([name, { char }]) => word === `--${name}` || (char !== undefined && word === `-${char}`),
    );
  const [name, flag] = flagOf(given.at(-1)) ?? [];
  if (name !== undefined && flag?.type === 'option')
    return MEMBER_FLAGS.includes(name) ? members() : (flag.options ?? []);
  if (current.startsWith('-')) {
    return Object.entries(flags).flatMap(([each, { allowNo }]) => [`--${each}`, ...(allowNo ? [`--no-${each}`] : [])]);
  }
  const values = given.filter((word, at) => !word.startsWith('-') && flagOf(given[at - 1])?.[1].type !== 'option');
  if (values.length < (MEMBER_ARGS.get(id) ?? 0)) return members().filter((member) => !values.includes(member));
  return Object.values(args)[values.length]?.options ?? [];
}

export const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** What a shell evaluates once; each Tab then asks `coreup completion --words` for the words. */
export const SCRIPTS: Readonly<Record<(typeof SHELLS)[number], string>> = {
  bash: `_coreup() {
  local IFS=$'\\n'
  COMPREPLY=($("\${COMP_WORDS[0]}" completion --words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o bashdefault -o default -F _coreup coreup
`,
  zsh: `_coreup() {
  local -a found
  found=(\${(f)"$("\${words[1]}" completion --words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)"})
  if (( $#found )); then compadd -a found; else _files; fi
}
compdef _coreup coreup
`,
  fish: `function __coreup_words
    set -l line (commandline -opc)
    set -l found ($line[1] completion --words -- $line[2..] "$(commandline -ct)" 2>/dev/null)
    if count $found >/dev/null
        printf '%s\\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c coreup -f -a '(__coreup_words)'
`,
};
