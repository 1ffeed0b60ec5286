import { describe, expect, it } from '@jest/globals';
import { judgeRecords, type DnsExpectation } from '../../../../src/discovery/dns/judge.js';
import { parseEtcdVersion } from '../../../../src/etcd/version.js';
import { MEMBERS, seen, target, TLS_MEMBERS, type Zone } from './support.js';

const SERVER = '_etcd-server._tcp.example.com';
const SSL = '_etcd-server-ssl._tcp.example.com';
const WANTED: DnsExpectation = { domain: 'example.com', self: 'core-01', members: MEMBERS };
const TLS_ZONE = { srv: { [SERVER]: [], [SSL]: [1, 2, 3].map((index) => target(index)) } };

function judge(zone: Zone, wanted: Partial<DnsExpectation> = {}): string[] {
  return judgeRecords(seen(zone), { ...WANTED, ...wanted }).map(({ severity, message }) => `${severity}: ${message}`);
}

describe('records that are right', () => {
  it('have nothing wrong with them', () => {
    expect(judge({})).toEqual([]);
    expect(judge({}, { etcd: parseEtcdVersion('3.5.16') })).toEqual([]);
    expect(judge(TLS_ZONE, { members: TLS_MEMBERS, etcd: parseEtcdVersion('3.4.23') })).toEqual([]);
  });
});

describe('records that are wrong', () => {
  it.each<[string, Zone, string]>([
    ['no SRV record', { srv: { [SERVER]: [] } }, `error: there is no SRV record ${SERVER}`],
    [
      'those of the other scheme',
      { srv: { [SERVER]: [], [SSL]: [target(1)] } },
      `error: there is no SRV record ${SERVER}; there is ${SSL}, while the members' peer URLs are http`,
    ],
    [
      'both schemes',
      { srv: { [SSL]: [target(1)] } },
      `error: there are SRV records of ${SERVER} and of ${SSL}: etcd 3.5 takes both, and so each member twice`,
    ],
    [
      'a member missing',
      { srv: { [SERVER]: [target(1), target(3)] } },
      `error: core-02 (172.17.8.102) would not be found: no SRV record of ${SERVER} leads to 172.17.8.102:2380`,
    ],
    [
      'itself missing',
      { srv: { [SERVER]: [target(2), target(3)] } },
      `error: this member (172.17.8.101) would not find itself: no SRV record of ${SERVER} leads to 172.17.8.101:2380`,
    ],
    [
      'a target without address',
      { a: { 'core-02.example.com': [] } },
      `error: ${SERVER} names core-02.example.com, which has no A record`,
    ],
    [
      'a wrong address',
      { a: { 'core-02.example.com': ['10.9.9.9'] } },
      `error: ${SERVER} names core-02.example.com (10.9.9.9), which is no etcd member of config.ts`,
    ],
    [
      'several addresses',
      { a: { 'core-02.example.com': ['172.17.8.102', '10.0.0.2'] } },
      `error: ${SERVER} names core-02.example.com, which has several addresses (172.17.8.102, 10.0.0.2); etcd takes any one of them`,
    ],
    [
      'one address twice',
      { a: { 'core-02.example.com': ['172.17.8.101'] } },
      `error: ${SERVER} names core-02.example.com and core-01.example.com, which are the same (172.17.8.101:2380): etcd takes them for two members`,
    ],
    [
      'one record twice',
      { srv: { [SERVER]: [1, 2, 3, 3].map((index) => target(index)) } },
      `error: ${SERVER} names core-03.example.com twice`,
    ],
    [
      'a stranger',
      { srv: { [SERVER]: [1, 2, 3, 4].map((index) => target(index)) }, a: { 'core-04.example.com': ['172.17.8.104'] } },
      `error: ${SERVER} names core-04.example.com (172.17.8.104), which is no etcd member of config.ts`,
    ],
    [
      'a wrong port',
      { srv: { [SERVER]: [target(1), target(2, 2379), target(3)] } },
      `error: ${SERVER} names core-02.example.com at port 2379, while core-02 advertises port 2380 to its peers`,
    ],
    [
      'priorities',
      { srv: { [SERVER]: [target(1), target(2), { ...target(3), priority: 10 }] } },
      `warning: the SRV records of ${SERVER} have different priorities or weights, which etcd does not look at`,
    ],
    [
      'no client records',
      { srv: { '_etcd-client._tcp.example.com': [] } },
      'warning: there is no SRV record _etcd-client._tcp.example.com: clients cannot look the members up (etcdctl --discovery-srv)',
    ],
    [
      'hostile names',
      { srv: { [SERVER]: [target(1), target(2), target(3), { ...target(4), target: '\u001b[2J' }] } },
      `error: ${SERVER} names "\\u001b[2J", which has no A record`,
    ],
  ])('%s', (_, zone, expected) => {
    expect(judge(zone)).toContain(expected);
  });

  it('say what a server said instead of an answer', () => {
    const refused = { ...seen({ srv: { [SERVER]: [] } }), refusals: new Map([[SERVER, '10.0.0.1 answers REFUSED']]) };
    expect(judgeRecords(refused, WANTED).map(({ message }) => message)).toContain(
      `there is no SRV record ${SERVER} (10.0.0.1 answers REFUSED)`,
    );
  });

  it('are too much for etcd 3.4 where peers speak plain http, and the way out is named', () => {
    const [finding] = judgeRecords(seen(), { ...WANTED, etcd: parseEtcdVersion('3.4.23') });
    expect(finding?.severity).toBe('error');
    expect(finding?.message).toContain(`etcd 3.4.23 finds no members by SRV records for plain http`);
    expect(finding?.hint).toContain('peer_auto_tls: true');
  });

  it('of both schemes do no harm where etcd 3.4 never comes to ask for the plain ones', () => {
    const zone = { srv: { [SSL]: [1, 2, 3].map((index) => target(index)) } };
    const severities = (version: string) =>
      judgeRecords(seen(zone), { ...WANTED, members: TLS_MEMBERS, etcd: parseEtcdVersion(version) }).map(
        ({ severity }) => severity,
      );
    expect(severities('3.4.23')).toEqual(['warning']);
    expect(severities('3.5.16')).toEqual(['error']);
  });
});
