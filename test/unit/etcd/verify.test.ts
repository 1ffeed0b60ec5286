import { describe, expect, it } from '@jest/globals';
import type { ListedMember, MemberStatus } from '../../../src/etcd/client.js';
import { compareMembership, compareStatuses, isListedAs, type ExpectedMember } from '../../../src/etcd/verify.js';

const expected = (index: number, more: Partial<ExpectedMember> = {}): ExpectedMember => ({
  name: `core-0${index}`,
  peerUrls: [`http://10.0.0.${index}:2380`],
  clientUrls: [`http://10.0.0.${index}:2379`],
  ...more,
});
const listed = (index: number, more: Partial<ListedMember> = {}): ListedMember => ({
  ...expected(index),
  id: `a${index}`,
  learner: false,
  ...more,
});
const told = (want: readonly ExpectedMember[], have: readonly ListedMember[]): object =>
  Object.fromEntries(compareMembership(want, have));

describe('compareMembership', () => {
  it('is content with the right members in any order, and their URLs in any order', () => {
    const two = expected(2, { clientUrls: ['http://a:1', 'http://b:2'] });
    expect(told([expected(1), two], [listed(2, { clientUrls: ['http://b:2', 'http://a:1'] }), listed(1)])).toEqual({});
    expect(told([], [])).toEqual({});
  });

  it('names who is missing, and who is there', () => {
    expect(told([expected(1), expected(2)], [listed(1), listed(3)])).toMatchObject({
      'core-02': "is not in etcd's member list (core-01, core-03)",
    });
    expect(told([expected(1)], [])).toEqual({ 'core-01': "is not in etcd's member list (empty)" });
  });

  it('takes names for addresses where members were found by SRV records, and nothing else', () => {
    const want = [1, 2].map((index) => expected(index, { named: true }));
    const have = (url: string) => [
      listed(1, { peerUrls: ['http://core-01.example.com:2380'] }),
      listed(2, { peerUrls: [url] }),
    ];
    expect(told(want, have('http://other.example.com:2380'))).toEqual({});
    for (const url of ['https://core-02.example.com:2380', 'http://core-02.example.com:2379', 'http://10.0.0.9:2380']) {
      expect(told(want, have(url))).toEqual({
        'core-02': `has peer URLs ${url} in etcd's member list, not http://10.0.0.2:2380`,
      });
    }
    expect(isListedAs(expected(1, { named: true }), listed(1, { peerUrls: ['http://a.example.com:2380'] }))).toBe(true);
    expect(isListedAs(expected(1, { named: true }), listed(2))).toBe(false);
    expect(isListedAs(expected(1), listed(1, { name: '' }))).toBe(true);
  });

  it('knows a member that was added and has never started', () => {
    expect(told([expected(1), expected(2)], [listed(1), listed(2, { name: '', clientUrls: [] })])).toEqual({
      'core-02': 'is in the member list as a2 but has never started',
    });
  });

  it.each([
    [
      'peer',
      { peerUrls: ['http://localhost:2380'] },
      "has peer URLs http://localhost:2380 in etcd's member list, not http://10.0.0.1:2380",
    ],
    ['client', { clientUrls: [] }, "has client URLs (none) in etcd's member list, not http://10.0.0.1:2379"],
  ])('names wrong %s URLs', (_, more, message) => {
    expect(told([expected(1)], [listed(1, more)])).toEqual({ 'core-01': message });
  });

  it('names members that nobody wants, with and without a name', () => {
    const stranger = listed(9, { name: '', id: 'ff', clientUrls: [] });
    expect(told([expected(1)], [listed(1), listed(3), stranger])).toEqual({
      'core-03': "is in etcd's member list (a3) but not in config.ts",
      ff: "is in etcd's member list (http://10.0.0.9:2380) but not in config.ts",
    });
  });

  it('does not take two members of one name for one', () => {
    expect(told([expected(1)], [listed(1), listed(1, { id: 'b1' })])).toEqual({
      'core-01': "is twice in etcd's member list (a1, b1)",
    });
  });
});

describe('compareStatuses', () => {
  const status = (more: Partial<MemberStatus> = {}): MemberStatus => ({
    clusterId: 'c',
    memberId: 'm',
    leader: 'l',
    version: '3.4.23',
    ...more,
  });
  const problems = (statuses: Record<string, MemberStatus>): object =>
    Object.fromEntries(compareStatuses(new Map(Object.entries(statuses))));

  it('is content when all agree, and with nobody', () => {
    expect(problems({ a: status(), b: status({ memberId: 'n' }) })).toEqual({});
    expect(problems({})).toEqual({});
  });

  it('names who is in another cluster', () => {
    expect(problems({ a: status(), b: status({ clusterId: 'x', leader: 'y' }) })).toEqual({
      b: 'is in cluster x, while a is in cluster c',
    });
  });

  it('names who follows another leader, or none', () => {
    expect(problems({ a: status(), b: status({ leader: 'x' }), c: status({ leader: undefined }) })).toEqual({
      b: 'follows leader x, while a follows l',
      c: 'knows no leader',
    });
  });

  it('does not blame others for what the first lacks', () => {
    expect(problems({ a: status({ leader: undefined }), b: status(), c: status() })).toEqual({ a: 'knows no leader' });
  });

  it('says it of all when nobody knows a leader', () => {
    expect(problems({ a: status({ leader: undefined }), b: status({ leader: undefined }) })).toEqual({
      a: 'knows no leader',
      b: 'knows no leader',
    });
  });
});
