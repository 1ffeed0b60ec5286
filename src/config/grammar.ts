import { isIP, isIPv4 } from 'node:net';
import type * as z from 'zod';
import { tokenUrlProblem } from '../cluster/discovery-url.js';
import { checkedText, text } from './words.js';

/** One label of a host name: RFC 1123, section 2.1. */
const label = /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;

/** A DNS name: labels joined by dots, 253 characters in all (RFC 1035, section 2.3.4). */
export function isDomainName(value: string): boolean {
  return (
    value.length <= 253 &&
    value
      .replace(/\.$/, '')
      .split('.')
      .every((part) => label.test(part))
  );
}

/** What a person may call a host in ~/.ssh/config beyond that: `web_1`. */
const nickname = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$/;

/** A name that looks like an IPv4 address but is none, such as 10.0.0.300, is a typing error and no host name. */
function isAddress(value: string): boolean {
  return isIP(value) !== 0 || ((isDomainName(value) || nickname.test(value)) && !/^[\d.]+$/.test(value));
}

function isSubnet(value: string): boolean {
  const [address = '', bits = '', ...rest] = value.split('/');
  return rest.length === 0 && isIPv4(address) && /^\d{1,2}$/.test(bits) && Number(bits) <= 32;
}

function isHttpUrl(value: string): boolean {
  return URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
}

export const clusterName = (): z.ZodString =>
  text('lower-case letters, digits and inner hyphens, at most 40 of them', /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, 40);

/** Room is left for `-1000` within the 63 characters of a host name. */
export const namePrefix = (): z.ZodString =>
  text('letters, digits and inner hyphens, at most 58 of them', /^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$/, 58);

export const hostName = (): z.ZodString => text('a host name without dots, such as core-01', label);
export const domainName = (): z.ZodString => checkedText('a domain name, such as example.com', isDomainName);
export const address = (): z.ZodString => checkedText('an IP address or a host name', isAddress);
export const ipv4 = (): z.ZodString => checkedText('an IPv4 address, such as 10.0.0.1', isIPv4);
export const ip = (): z.ZodString => checkedText('an IP address', (value) => isIP(value) !== 0);
export const subnet = (): z.ZodString => checkedText('an IPv4 network, such as 172.17.8.0/24', isSubnet);
export const httpUrl = (): z.ZodString => checkedText('an http or https URL', isHttpUrl);
export const discoveryUrl = (): z.ZodString =>
  checkedText('an http or https URL that ends in a token', (value) => tokenUrlProblem(value) === undefined);
export const sha256 = (): z.ZodString => text('64 hexadecimal digits', /^[0-9a-f]{64}$/i);

/** fleet reads metadata as `key=value,key=value` without any escaping (fleet, config/config.go). */
export const metadataKey = (): z.ZodString => text('text without blanks, "=" and ","', /^[^=,\s]+$/);
export const metadataValue = (): z.ZodString => text('text without "=", "," and line breaks', /^[^=,\n]*$/);
