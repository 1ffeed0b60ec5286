/** Commands that only the v2 API has, and flags before the command (etcdctl's README for API version 2). */
const V2_COMMANDS = new Set([
  'backup', 'cluster-health', 'exec-watch', 'import', 'ls', 'mk', 'mkdir', 'rm', 'rmdir', 'set', 'setdir', 'update',
  'updatedir',
]); // prettier-ignore
const V2_FLAGS = new Set(['--peers', '-C', '--no-sync', '--output', '-o']);

/** Flags of either API whose value is the next word, unless there is a `=`. */
const WITH_VALUE =
  /^--?(endpoints?|user|u|username|password|cert|cert-file|key|key-file|cacert|ca-file|timeout|total-timeout|command-timeout|dial-timeout|keepalive-time|keepalive-timeout|write-out|w|discovery-srv|discovery-srv-name|D)$/;

/**
 * The API that an etcdctl command line is meant for: 2 for what only that one has, otherwise 3. Words after the command
 * do not count: `member update` and a key called `ls` are for 3.
 */
export function apiVersionFor(args: readonly string[]): '2' | '3' {
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? '';
    if (!word.startsWith('-')) return V2_COMMANDS.has(word) ? '2' : '3';
    if (V2_FLAGS.has(word.split('=')[0] ?? '')) return '2';
    if (WITH_VALUE.test(word)) at++;
  }
  return '3';
}
