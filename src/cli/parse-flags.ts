import { isIPv4, isIPv6 } from 'node:net';
import { InputError } from '../util/errors.js';

/** @returns the text of `--etcd-version`, without a leading v */
export function etcdVersion(text: string): Promise<string> {
  const version = text.replace(/^v/, '');
  if (/^\d+\.\d+(?:\.\d+\S*)?$/.test(version)) return Promise.resolve(version);
  throw usage(`--etcd-version is ${JSON.stringify(text)}; it must be a version such as 3.5`);
}

/** @returns the text of an option that takes an IP address of one family */
export function ipAddress(flag: string, text: string): Promise<string> {
  const family = flag.endsWith('6') ? 6 : 4;
  if (family === 6 ? isIPv6(text) : isIPv4(text)) return Promise.resolve(text);
  throw usage(`--${flag} is ${JSON.stringify(text)}; it must be an IPv${family} address`);
}

function usage(message: string): InputError {
  return new InputError(message, { code: 'USAGE', hint: 'Give it again, or leave it out.' });
}
