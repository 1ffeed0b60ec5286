/** Stands for what is not shown. */
export const HIDDEN = '(hidden)';

/**
 * Values of settings that are secrets by their name, in `NAME=value`, `"NAME=value"`, `name: value` and `"name": "value"`.
 * `initial-cluster-token` is a name of the cluster, and every member's peers know it.
 */
const SETTING =
  /(?<![\w-])((?:[\w.-]*[_.-])?(?:pass(?:word|wd|phrase)?|pwd|secret(?:[_-]?\w*key)?|(?<!initial[_-]cluster[_-])token|(?:private|api|access)[_-]?key)["']?\s*[=:]\s*["']?)(?!\/)[^\s"'][^"'\n]*/gi;
const PASSWORD = /(pass(?:word|wd|phrase)["']?\s*[=:]\s*)[^\s"'][^"'\n]*/gi;
/** As an argument of a command, `--password hunter2`, or quoted after its word: `password "hunter2"`. */
const ARGUMENT = /(?<![\w-])(--?(?:[\w-]*-)?(?:pass(?:word|wd|phrase)|secret)[ \t]+["']?)[^\s"'-][^\s"']*/gi;
const QUOTED = /(\bpass(?:word|wd|phrase)[ \t]+["'])[^"'\n]+/gi;
/** `name:password`, as etcdctl takes it. */
const USER = /(\bETCDCTL_USER["']?\s*[=:]\s*["']?[^\s:"']+:)[^\s"']+/g;
/** A login inside of a URL. */
const LOGIN = /(:\/\/[^\s/:@"']+:)[^\s/@"']+(?=@)/g;
/**
 * The token of a discovery URL: whoever has it can register as a member. In a setting, and as etcd logs it
 * (`discovery URL= …` up to 3.4, `"discovery-url":"…"` since 3.5).
 */
const DISCOVERY =
  /((?:^|[\s"',{])(?:ETCD_)?DISCOVERY(?:[-_ ]?URL)?["']?\s*[=:]\s*["']?\w+:\/\/[^\s"']*\/)[^\s"'/]+(?=\/?["'\s]|\/?$)/gim;
/** The token in a URL anywhere else, as in the errors of HTTP clients: 128 bits in hexadecimal, as discovery.etcd.io and uuidgen give them. */
const TOKEN_IN_URL =
  /(\b\w+:\/\/[^\s"']*\/)(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?![0-9a-f-])/gi;
/** crypt(5), `$id$…$…`. */
const HASH = /\$(?:1|2[abxy]?|5|6|7|y|gy)\$[^\s"':]{8,}/g;
const BEARER = /(\b(?:Bearer|Basic)\s+)[A-Za-z0-9._~+/=-]{8,}/g;
/** The lines of a key, which a diff may have marked. */
const KEY_BLOCK = /(-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----)([\s\S]*?)(-----END |$)/g;
const PRIVATE_KEY = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/;

/** A text with passwords, password hashes, logins and tokens hidden, for people to see. Line by line the same as before. */
export function withoutSecrets(text: string): string {
  return text
    .replace(
      KEY_BLOCK,
      (_, begin: string, body: string, end: string) =>
        begin + body.replace(/(^[+-]?)?[\w+/=]{8,}/gm, (_line, mark = '') => `${mark}${HIDDEN}`) + end,
    )
    .replace(USER, `$1${HIDDEN}`)
    .replace(ARGUMENT, `$1${HIDDEN}`)
    .replace(QUOTED, `$1${HIDDEN}`)
    .replace(SETTING, `$1${HIDDEN}`)
    .replace(PASSWORD, `$1${HIDDEN}`)
    .replace(LOGIN, `$1${HIDDEN}`)
    .replace(DISCOVERY, `$1${HIDDEN}`)
    .replace(TOKEN_IN_URL, `$1${HIDDEN}`)
    .replace(HASH, HIDDEN)
    .replace(BEARER, `$1${HIDDEN}`);
}

/**
 * Why the content of a file is not for a screen at all: whoever closes a file to other users does not want it there.
 *
 * @param mode permission bits
 * @returns the end of a sentence, or undefined
 */
export function reasonToHide(mode: number, content: string): string | undefined {
  if ((mode & 0o004) === 0) return `since the mode is ${mode.toString(8).padStart(4, '0')}`;
  return PRIVATE_KEY.test(content) ? 'since there is a private key in it' : undefined;
}

/** How much there is of what is not shown. */
export function sizeOf(bytes: number): string {
  if (bytes < 10_000) return `${bytes} ${bytes === 1 ? 'byte' : 'bytes'}`;
  return bytes < 1_000_000 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
