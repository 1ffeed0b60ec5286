import { isIPv4, isIPv6 } from 'node:net';
import { InputError } from '../util/errors.js';

/**
 * @returns the text of `--etcd-version`, without a leading v
 * @throws InputError USAGE
 */
export function etcdVersion(text: string): string {
  const version = text.replace(/^v/, '');
  if (/^\d+\.\d+(?:\.\d+\S*)?$/.test(version)) return version;
  throw usage(`--etcd-version is ${JSON.stringify(text)}; it must be a version such as 3.5`);
}

/**
 * @param flags all flags of a command; those of an address are named like `public-ipv4`
 * @returns the addresses by substitution variable, such as `public_ipv4`
 * @throws InputError USAGE for an address of the wrong kind
 */
export function substitutionFlags(flags: Readonly<Record<string, unknown>>): Record<string, string> {
  const given = Object.entries(flags).filter(([flag, text]) => /-ipv[46]$/.test(flag) && text !== undefined);
  return Object.fromEntries(given.map(([flag, text]) => [flag.replace('-', '_'), ipAddress(flag, String(text))]));
}

function ipAddress(flag: string, text: string): string {
  const family = flag.endsWith('6') ? 6 : 4;
  if (family === 6 ? isIPv6(text) : isIPv4(text)) return text;
  throw usage(`--${flag} is ${JSON.stringify(text)}; it must be an IPv${family} address`);
}

/**
 * @returns the text of `--domain`
 * @throws InputError USAGE
 */
export function domainName(text: string): string {
  const labels = text.replace(/\.$/, '').split('.');
  if (text.length <= 253 && labels.every((label) => /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(label)))
    return text;
  throw usage(`--domain is ${JSON.stringify(text)}; it must be a domain name, such as example.com`);
}

/** The options do not fit; `hint` says what would. */
export function usage(message: string, hint = 'Give it again, or leave it out.'): InputError {
  return new InputError(message, { code: 'USAGE', hint });
}
