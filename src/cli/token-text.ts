import type { TokenReport } from '../actions/token.js';
import { printable } from './printable.js';

/** A discovery token and who has registered with it, for a person. */
export function tokenText({ url, size, registered, missing, foreign }: TokenReport): string {
  const lines = [
    url,
    `${registered.length} of ${size} registered`,
    ...registered.map(({ id, name, peer_urls: urls }) => `  ${id}  ${name || '(unreadable)'}  ${urls.join(',')}`),
    ...(missing.length === 0 ? [] : [`missing: ${missing.join(', ')}`]),
    ...(foreign.length === 0 ? [] : [`not in this cluster: ${foreign.join(', ')}`]),
  ];
  return printable(`${lines.join('\n')}\n`);
}
