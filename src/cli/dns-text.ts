import type { DnsCheckResult } from '../actions/dns.js';

/** What each member sees of the records, and what to do; hints that many share are told once. */
export function dnsText({ ok, domain, members }: DnsCheckResult): string {
  const lines = members.flatMap(({ name, nameserver, problems, warnings }) => [
    ...(nameserver === '' ? [] : [`${name}: asked ${nameserver}${problems.length === 0 ? ', finds all members' : ''}`]),
    ...problems.map(({ message }) => `${name}: ${message}`),
    ...warnings.map(({ message }) => `${name}: warning: ${message}`),
  ]);
  const hints = members.flatMap(({ problems, warnings }) =>
    [...problems, ...warnings].flatMap(({ hint }) => hint ?? []),
  );
  const verdict = ok ? `The records of ${domain} are right.` : `The records of ${domain} are not right.`;
  return `${[...lines, ...[...new Set(hints)].map((hint) => `→ ${hint}`), verdict].join('\n')}\n`;
}
