import { isIP } from 'node:net';
import type { ListedMember, MemberStatus } from './client.js';

/** What a member of a sound cluster must look like in etcd's eyes. */
export interface ExpectedMember {
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
  /**
   * Whether etcd has found its members by SRV records: it lists them under the names in there, not under the addresses
   * that they advertise.
   */
  readonly named?: boolean;
}

/** Whether a listed member is the expected one, by its peer URLs; by its name where these say little. */
export function isListedAs(expected: ExpectedMember, listed: ListedMember): boolean {
  return expected.named === true
    ? listed.name === expected.name
    : listed.peerUrls.some((url) => expected.peerUrls.includes(url));
}

/**
 * Compares etcd's member list with who should be in it. Pure.
 *
 * @returns one sentence per difference, by member name; an empty map means that the list is right
 */
export function compareMembership(
  expected: readonly ExpectedMember[],
  listed: readonly ListedMember[],
): ReadonlyMap<string, string> {
  const problems = new Map<string, string>();
  for (const want of expected) {
    const [found, ...twins] = listed.filter((member) => member.name === want.name);
    if (found && twins.length > 0) {
      const ids = [found, ...twins].map((member) => member.id).join(', ');
      problems.set(want.name, `is ${twins.length === 1 ? 'twice' : 'several times'} in etcd's member list (${ids})`);
    } else if (!found) {
      const unstarted = listed.find((member) => member.name === '' && sameUrls(member.peerUrls, want.peerUrls));
      problems.set(
        want.name,
        unstarted
          ? `is in the member list as ${unstarted.id} but has never started`
          : `is not in etcd's member list (${listed.map((member) => member.name || member.id).join(', ') || 'empty'})`,
      );
    } else if (!samePeers(found.peerUrls, want)) {
      problems.set(
        want.name,
        `has peer URLs ${list(found.peerUrls)} in etcd's member list, not ${list(want.peerUrls)}`,
      );
    } else if (!sameUrls(found.clientUrls, want.clientUrls)) {
      problems.set(
        want.name,
        `has client URLs ${list(found.clientUrls)} in etcd's member list, not ${list(want.clientUrls)}`,
      );
    }
  }
  const names = new Set(expected.map((member) => member.name));
  for (const { name, id, peerUrls } of listed) {
    const wanted = name === '' ? expected.some((want) => sameUrls(want.peerUrls, peerUrls)) : names.has(name);
    const known = name === '' ? list(peerUrls) : id;
    if (!wanted) problems.set(name || id, `is in etcd's member list (${known}) but not in config.ts`);
  }
  return problems;
}

/**
 * Whether all members are in one cluster under one leader. Pure.
 *
 * @returns one sentence per member that disagrees with the first that knows a leader
 */
export function compareStatuses(statuses: ReadonlyMap<string, MemberStatus>): ReadonlyMap<string, string> {
  const problems = new Map<string, string>();
  const first = [...statuses].find(([, status]) => status.leader !== undefined) ?? [...statuses][0];
  if (!first) return problems;
  const [reference, agreed] = first;
  for (const [name, status] of statuses) {
    if (status.clusterId !== agreed.clusterId) {
      problems.set(name, `is in cluster ${status.clusterId}, while ${reference} is in cluster ${agreed.clusterId}`);
    } else if (status.leader === undefined) {
      problems.set(name, 'knows no leader');
    } else if (status.leader !== agreed.leader) {
      problems.set(name, `follows leader ${status.leader}, while ${reference} follows ${agreed.leader ?? 'none'}`);
    }
  }
  return problems;
}

/** DNS has been asked before the start; what etcd made of it must be the same but for the host. */
function samePeers(found: readonly string[], { peerUrls, named }: ExpectedMember): boolean {
  return sameUrls(found, peerUrls) || (named === true && sameUrls(found.map(withoutName), peerUrls.map(withoutHost)));
}

function withoutName(url: string): string {
  return isIP(new URL(url).hostname) === 0 ? withoutHost(url) : url;
}

function withoutHost(url: string): string {
  const { protocol, port } = new URL(url);
  return `${protocol}//:${port}`;
}

function sameUrls(a: readonly string[], b: readonly string[]): boolean {
  return list([...a].sort()) === list([...b].sort());
}

function list(urls: readonly string[]): string {
  return urls.join(',') || '(none)';
}
