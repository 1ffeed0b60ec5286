import { createHash, createHmac } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { glob } from './glob.js';
import { WireReader } from './wire.js';

/** One line of a known_hosts file (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"). */
export interface KnownHost {
  /** Line in the file, from 1. */
  readonly line: number;
  /** The file, where it was read from one. */
  readonly file?: string;
  readonly marker?: 'revoked' | 'cert-authority';
  /** Names as they stand there: plain, `[host]:port`, with wildcards, `!negated`, or one hashed `|1|salt|hash`. */
  readonly names: readonly string[];
  /** `ssh-ed25519`, `ssh-rsa`, … */
  readonly type: string;
  readonly key: Buffer;
}

export type Verdict = 'match' | 'changed' | 'unknown' | 'revoked';

const DEFAULT_PORT = 22;
const MARKERS: ReadonlyMap<string, NonNullable<KnownHost['marker']>> = new Map([
  ['@revoked', 'revoked'],
  ['@cert-authority', 'cert-authority'],
]);

/** A key's fingerprint as OpenSSH prints it: `SHA256:` and unpadded base64. */
export function fingerprint(key: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** The name under which OpenSSH files a host: bare on port 22, else `[host]:port`; IPv6 in its shortest form. */
export function hostName(address: string, port: number): string {
  const host = canonical(address.toLowerCase());
  return port === DEFAULT_PORT ? host : `[${host}]:${port}`;
}

function canonical(address: string): string {
  if (!isIPv6(address) || address.includes('%')) return address;
  return new URL(`http://[${address}]`).hostname.slice(1, -1);
}

/** The type that a key names in itself; undefined where the bytes are no SSH key. */
export function keyType(key: Buffer): string | undefined {
  if (key.length < 4) return undefined;
  const length = key.readUInt32BE(0);
  if (length === 0 || length > 64 || key.length < 4 + length) return undefined;
  return key.toString('latin1', 4, 4 + length);
}

/** Reads `ssh-ed25519 AAAA… comment`, as in authorized_keys and `.pub` files; undefined where it is something else. */
export function parsePublicKey(text: string): Buffer | undefined {
  const [type, base64] = text.trim().split(/\s+/);
  return keyOf(type, base64);
}

/** A key that is whole: its type, and then fields up to its last byte. Half a line may have been written in a crash. */
function keyOf(type: string | undefined, base64: string | undefined): Buffer | undefined {
  if (type === undefined || base64 === undefined || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return undefined;
  const key = Buffer.from(base64, 'base64');
  if (keyType(key) !== type) return undefined;
  try {
    const reader = new WireReader(key);
    let fields = 0;
    while (!reader.ended) if (reader.string().length > 0) fields++;
    return fields > 1 ? key : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Every well-formed entry. As with OpenSSH (hostfile.c), lines that cannot be read are passed over and trust nothing, only
 * blanks and tabs are between words, and a hashed name is alone on its line.
 */
export function parseKnownHosts(text: string): KnownHost[] {
  return text.split('\n').flatMap((raw, index) => {
    const words = raw
      .replace(/\r$/, '')
      .replace(/^[ \t]+|[ \t]+$/g, '')
      .split(/[ \t]+/);
    const marked = words[0]?.startsWith('@') === true;
    const marker = marked ? MARKERS.get(words[0] ?? '') : undefined;
    if (marked && marker === undefined) return [];
    const [names = '', type, base64] = marked ? words.slice(1) : words;
    if (words[0]?.startsWith('#') === true || type === undefined) return [];
    const key = keyOf(type, base64);
    if (key === undefined) return [];
    return [
      {
        line: index + 1,
        ...(marker !== undefined && { marker }),
        names: names.startsWith('|') ? [names] : names.split(','),
        type,
        key,
      },
    ];
  });
}

/** One line for a known_hosts file, with its line feed. */
export function formatKnownHost(address: string, port: number, key: Buffer): string {
  const type = keyType(key);
  if (type === undefined) throw new RangeError('not an SSH public key');
  return `${hostName(address, port)} ${type} ${key.toString('base64')}\n`;
}

/** The entries that speak about a host, marked ones included. */
export function lookup(entries: readonly KnownHost[], address: string, port: number): KnownHost[] {
  const name = hostName(address, port);
  return entries.filter((entry) => covers(entry.names, name));
}

/** The keys that stand for a host: the entries about it without a marker. */
export function pinnedFor(entries: readonly KnownHost[], address: string, port: number): KnownHost[] {
  return lookup(entries, address, port).filter((entry) => entry.marker === undefined);
}

/** The authorities whose certificates stand for a host. On another port than 22 also those of its bare name, as with ssh. */
export function authoritiesFor(entries: readonly KnownHost[], address: string, port: number): KnownHost[] {
  return lookupAlsoBare(entries, address, port).filter((entry) => entry.marker === 'cert-authority');
}

function lookupAlsoBare(entries: readonly KnownHost[], address: string, port: number): KnownHost[] {
  const ports = port === DEFAULT_PORT ? [port] : [port, DEFAULT_PORT];
  return ports.flatMap((at) => lookup(entries, address, at));
}

/** The `@revoked` entry that forbids a key to a host, if there is one: on other ports than 22 also by the bare name. */
export function revocation(
  entries: readonly KnownHost[],
  address: string,
  port: number,
  key: Buffer,
): KnownHost | undefined {
  return lookupAlsoBare(entries, address, port).find((entry) => entry.marker === 'revoked' && entry.key.equals(key));
}

/**
 * What known_hosts says about a key that a host has shown. `@cert-authority` lines neither trust nor distrust a plain
 * key. As in OpenSSH (sshconnect.c), a host
 * on another port than 22 that is not filed under it may be known by its bare name.
 */
export function verdict(entries: readonly KnownHost[], address: string, port: number, key: Buffer): Verdict {
  if (revocation(entries, address, port, key)) return 'revoked';
  const pinned = pinnedFor(entries, address, port);
  if (pinned.some((entry) => entry.key.equals(key))) return 'match';
  if (pinned.length > 0) return 'changed';
  if (port === DEFAULT_PORT) return 'unknown';
  const bare = verdict(entries, address, DEFAULT_PORT, key);
  return bare === 'changed' ? 'unknown' : bare;
}

/**
 * The file's text without a host: its name is taken out of every line, and a line without names goes altogether.
 * Comments, wildcards, marked lines and the other hosts stay as they are.
 */
export function withoutHost(text: string, address: string, port: number): string {
  const name = hostName(address, port);
  const entries = new Map(parseKnownHosts(text).map((entry) => [entry.line, entry]));
  return text
    .split('\n')
    .flatMap((raw, index) => {
      const entry = entries.get(index + 1);
      if (entry === undefined || entry.marker !== undefined) return [raw];
      const left = entry.names.filter((pattern) => pattern.toLowerCase() !== name && !isHashOf(pattern, name));
      if (left.length === entry.names.length) return [raw];
      return left.length === 0 ? [] : [raw.replace(entry.names.join(','), () => left.join(','))];
    })
    .join('\n');
}

/** OpenSSH's match_hostname: some pattern must match, and a matching `!pattern` rules the line out. */
function covers(patterns: readonly string[], name: string): boolean {
  const matching = patterns.filter((pattern) => matches(pattern.replace(/^!/, ''), name));
  return matching.length > 0 && !matching.some((pattern) => pattern.startsWith('!'));
}

function matches(pattern: string, name: string): boolean {
  return pattern.startsWith('|') ? isHashOf(pattern, name) : glob(pattern.toLowerCase(), name);
}

/** `|1|salt|hash`, as `HashKnownHosts yes` writes names: HMAC-SHA1 of the name. */
function isHashOf(pattern: string, name: string): boolean {
  const [, version, salt, hash] = pattern.split('|');
  if (version !== '1' || salt === undefined || hash === undefined) return false;
  return createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest('base64') === hash;
}
