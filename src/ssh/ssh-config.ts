/** One host for OpenSSH's own tools. */
export interface SshConfigEntry {
  /** What the user types: `ssh -F … NAME`. */
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly user: string;
  /** Offered in this order; without any, ssh's usual ones. */
  readonly identityFiles: readonly string[];
  /** Offer no keys of the agent beyond these. */
  readonly identitiesOnly: boolean;
  /** Socket of the agent, `false` for none. */
  readonly agent?: string | false;
  readonly knownHostsFiles: readonly string[];
  /** HostKeyAlias. */
  readonly alias?: string;
  readonly revoked?: string;
  /** AddressFamily. */
  readonly family?: 4 | 6;
  /** BindAddress. */
  readonly from?: string;
  /** The name of another entry to go through. */
  readonly jump?: string;
}

/**
 * Text for `ssh -F`, `scp -F` and `rsync -e 'ssh -F …'` (ssh_config(5)): the same key, the same known_hosts and the
 * same strictness as coreup's own connections.
 *
 * @throws RangeError where a value cannot be written in that format: line breaks, and `${` in a path
 */
export function renderSshConfig(entries: readonly SshConfigEntry[]): string {
  return entries.map(block).join('\n');
}

function block(entry: SshConfigEntry): string {
  const { agent, alias, revoked, jump, identityFiles, family, from } = entry;
  const settings: (readonly [string, string])[] = [
    ['HostName', token(entry.address)],
    ['Port', String(entry.port)],
    ['User', argument(entry.user)],
    ...identityFiles.map((file) => ['IdentityFile', path(file)] as const),
    ...(!entry.identitiesOnly ? [] : ([['IdentitiesOnly', 'yes']] as const)),
    ...(agent === undefined ? [] : ([['IdentityAgent', agent === false ? 'none' : path(agent)]] as const)),
    ...(alias === undefined ? [] : ([['HostKeyAlias', argument(alias)]] as const)),
    ...(revoked === undefined ? [] : ([['RevokedHostKeys', path(revoked)]] as const)),
    ['UserKnownHostsFile', entry.knownHostsFiles.map(path).join(' ')],
    ['StrictHostKeyChecking', 'yes'],
    ...(family === undefined ? [] : ([['AddressFamily', family === 4 ? 'inet' : 'inet6']] as const)),
    ...(from === undefined ? [] : ([['BindAddress', from]] as const)),
    ...(jump === undefined ? [] : ([['ProxyJump', jump]] as const)),
    ['LogLevel', 'ERROR'],
  ];
  return [`Host ${argument(entry.name)}`, ...settings.map(([key, value]) => `  ${key} ${value}`), ''].join('\n');
}

/** A path where ssh expands `%` tokens and `${VARIABLES}`; the latter cannot be escaped. */
function path(value: string): string {
  if (value.includes('${')) throw new RangeError(`ssh_config cannot hold a path with "\${": ${value}`);
  return token(value);
}

function token(value: string): string {
  return argument(value.replaceAll('%', '%%'));
}

/** One word as OpenSSH splits lines: in double quotes where needed, with `\` before quotes and backslashes. */
function argument(value: string): string {
  if (/[\0\r\n]/.test(value)) throw new RangeError('ssh_config cannot hold line breaks in a value');
  if (/^[A-Za-z0-9_@%+:,./-]+$/.test(value)) return value;
  return `"${value.replace(/["\\]/g, '\\$&')}"`;
}
