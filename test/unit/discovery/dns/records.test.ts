import { describe, expect, it } from '@jest/globals';
import { printRecords } from '../../../../src/discovery/dns/print.js';
import { hostsEntries, nameserversOf } from '../../../../src/discovery/dns/resolver.js';
import { MEMBERS, TLS_MEMBERS } from './support.js';

describe('the records of a cluster', () => {
  it('are printed for a zone file, with what must not be there', () => {
    expect(printRecords(MEMBERS.slice(0, 2), 'example.com.', 'zone')).toBe(
      `; there must be no _etcd-server-ssl._tcp.example.com.
; there must be no _etcd-client-ssl._tcp.example.com.
_etcd-server._tcp.example.com. 300 IN SRV 0 0 2380 core-01.example.com.
_etcd-server._tcp.example.com. 300 IN SRV 0 0 2380 core-02.example.com.
_etcd-client._tcp.example.com. 300 IN SRV 0 0 2379 core-01.example.com.
_etcd-client._tcp.example.com. 300 IN SRV 0 0 2379 core-02.example.com.
core-01.example.com.           300 IN A   172.17.8.101
core-02.example.com.           300 IN A   172.17.8.102
`,
    );
  });

  it('are those of -ssl where peers speak TLS', () => {
    const text = printRecords(TLS_MEMBERS, 'example.com', 'zone');
    expect(text).toMatch(/^_etcd-server-ssl\._tcp\.example\.com\. +300 IN SRV 0 0 2380 core-01\.example\.com\.$/m);
    expect(text).not.toMatch(/^_etcd-server\._tcp/m);
    expect(text).toContain('; there must be no _etcd-server._tcp.example.com.\n');
  });

  it('are printed for dnsmasq, which must not send questions for these names on', () => {
    expect(printRecords(MEMBERS.slice(0, 1), 'example.com', 'dnsmasq')).toBe(
      `local=/_etcd-server._tcp.example.com/
local=/_etcd-client._tcp.example.com/
local=/_etcd-server-ssl._tcp.example.com/
local=/_etcd-client-ssl._tcp.example.com/
local=/core-01.example.com/
srv-host=_etcd-server._tcp.example.com,core-01.example.com,2380,0,0
srv-host=_etcd-client._tcp.example.com,core-01.example.com,2379,0,0
host-record=core-01.example.com,172.17.8.101,300
`,
    );
  });

  it('are printed as hosts, as far as that goes', () => {
    expect(printRecords(MEMBERS.slice(0, 2), 'example.com', 'hosts')).toBe(
      `# a hosts file cannot hold the SRV records; see the formats zone and dnsmasq
172.17.8.101 core-01.example.com
172.17.8.102 core-02.example.com
`,
    );
  });
});

describe('what a host resolves with', () => {
  it.each([
    ['nameserver 10.0.0.1\n', ['10.0.0.1']],
    ['# nameserver 10.0.0.9\nsearch x\n  nameserver\t10.0.0.1 # ours\nnameserver fe80::1\n', ['10.0.0.1', 'fe80::1']],
    [
      'nameserver 1.1.1.1\nnameserver 1.1.1.2\nnameserver 1.1.1.3\nnameserver 1.1.1.4\n',
      ['1.1.1.1', '1.1.1.2', '1.1.1.3'],
    ],
    ['nameserver $(reboot)\n', ['127.0.0.1']],
    ['', ['127.0.0.1']],
    [undefined, ['127.0.0.1']],
  ])('are the name servers of resolv.conf: %j', (text, expected) => {
    expect(nameserversOf(text)).toEqual(expected);
  });

  it('is the hosts file before DNS', () => {
    const entries = hostsEntries(
      '127.0.0.1 localhost\n::1 six\n10.0.0.1\tA.example.com a # note\n10.0.0.2 a.example.com.\n',
    );
    expect(entries).toEqual(
      new Map([
        ['localhost', ['127.0.0.1']],
        ['a.example.com', ['10.0.0.1', '10.0.0.2']],
        ['a', ['10.0.0.1']],
      ]),
    );
  });
});
