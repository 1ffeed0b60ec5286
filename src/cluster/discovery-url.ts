/**
 * Why a text is not a discovery URL that can go into a user-data: one http or https URL with a token as its path, and
 * nothing that YAML, systemd, or the substitution of `$private_ipv4` would read as something else.
 *
 * @param service the service that gave it: one that was asked over TLS must not lead to where everybody can read along
 * @returns undefined for a good one
 */
export function tokenUrlProblem(text: string, service?: string): string | undefined {
  if (text === '') return 'it is empty';
  if (/^\s*</.test(text)) return 'it is HTML';
  if (/\s/.test(text)) return 'it is more than one word';
  if (!URL.canParse(text)) return 'it is not a URL';
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return `its scheme is ${url.protocol.slice(0, -1)}`;
  if (url.username !== '' || url.password !== '') return 'it has a user name or a password';
  if (url.search !== '' || url.hash !== '' || /[?#]$/.test(text))
    return 'it has more than a token: a query or a fragment';
  if (!/^(\/[\w.~-]+)+\/?$/.test(url.pathname) || /^\/new\/?$/.test(url.pathname)) return 'it has no token';
  if (url.protocol === 'http:' && service?.startsWith('https:')) return 'it is plain http, though asked over https';
  return undefined;
}

/** A discovery URL as it is compared and rendered: etcd makes its members' IDs from the text. */
export function withoutSlash(url: string): string {
  return url.replace(/\/+$/, '');
}
