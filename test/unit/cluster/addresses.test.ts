import { describe, expect, it } from '@jest/globals';
import {
  chooseAddresses,
  isPrivateRange,
  misplaced,
  type HostAddress,
  type HostNetwork,
  type LookedAt,
} from '../../../src/cluster/addresses.js';

/** `eth0 10.0.0.1`, with `!` for a secondary address; the first interface has the default route. */
function network(...entries: readonly string[]): HostNetwork {
  const addresses = entries.map((entry): HostAddress => {
    const [device = '', address = ''] = entry.replace('!', '').split(' ');
    return { interface: device, address, scope: 'global', secondary: entry.includes('!') };
  });
  const loopback: HostAddress = { interface: 'lo', address: '127.0.0.1', scope: 'host', secondary: false };
  return { addresses: [loopback, ...addresses], defaultInterface: addresses[0]?.interface };
}

let boots = 0;
function host(name: string, reached: string | undefined, ...entries: readonly string[]): LookedAt {
  return { name, reached, bootId: `boot-${++boots}`, network: network(...entries) };
}

/** `private public` of each host, or why it is refused. */
function choose(...hosts: readonly LookedAt[]): Record<string, string> {
  const { found, refusals } = chooseAddresses(
    hosts,
    hosts.map(({ name }) => name),
  );
  return Object.fromEntries([
    ...[...found].map(([name, { privateIpv4, publicIpv4 }]) => [name, `${privateIpv4} ${publicIpv4}`]),
    ...refusals.map(({ member, message }) => [member, message]),
  ]) as Record<string, string>;
}

describe('chooseAddresses', () => {
  it.each<[string, LookedAt, string]>([
    ['the only address', host('a', undefined, 'eth0 10.0.0.1'), '10.0.0.1 10.0.0.1'],
    ['a public one, where there is no other', host('a', '203.0.113.1', 'eth0 203.0.113.1'), '203.0.113.1 203.0.113.1'],
    ['the private one beside a public one', host('a', '203.0.113.1', 'eth0 203.0.113.1', 'eth1 10.0.0.1'), '10.0.0.1 203.0.113.1'],
    ['the private one at which it is reached', host('a', '10.1.0.1', 'eth0 10.0.0.1', 'eth1 10.1.0.1'), '10.1.0.1 10.1.0.1'],
    ['that of the default route, if it is reached elsewhere', host('a', '203.0.113.9', 'eth0 10.0.0.1', 'docker0 172.17.0.1'), '10.0.0.1 10.0.0.1'],
    ['no floating address', host('a', undefined, 'eth0 10.0.0.1', 'eth0 10.0.0.100!'), '10.0.0.1 10.0.0.1'],
    ['but a floating one at which it is reached', host('a', '10.0.0.7', 'eth0 10.0.0.1', 'eth0 10.0.0.7!'), '10.0.0.7 10.0.0.7'],
    ['none at all', host('a', '::1'), 'has no IPv4 address that other hosts could reach'],
    [
      'neither of two on the same interface',
      host('a', undefined, 'eth0 10.0.0.1', 'eth0 10.1.0.1'),
      'has several IPv4 addresses that it may be reached at: 10.0.0.1 (eth0), 10.1.0.1 (eth0)',
    ],
    [
      'neither of two public ones',
      host('a', undefined, 'eth0 203.0.113.1', 'eth0 198.51.100.1'),
      'has several IPv4 addresses that it may be reached at: 203.0.113.1 (eth0), 198.51.100.1 (eth0)',
    ],
  ])('takes %s', (_, one, expected) => {
    expect(choose(one)).toEqual({ a: expected });
  }); // prettier-ignore

  it('takes no address that several hosts have: VirtualBox gives them all 10.0.2.15, Docker 172.17.0.1', () => {
    const machine = (name: string, last: number): LookedAt =>
      host(name, '10.0.2.15', 'enp0s3 10.0.2.15', `enp0s8 192.168.56.${last}`, 'docker0 172.17.0.1');
    expect(choose(machine('a', 11), machine('b', 12))).toEqual({
      a: '192.168.56.11 192.168.56.11',
      b: '192.168.56.12 192.168.56.12',
    });
  });

  it('refuses hosts that have no other, and says who has the same', () => {
    const machine = (name: string): LookedAt => host(name, '10.0.2.15', 'enp0s3 10.0.2.15');
    expect(choose(machine('a'), machine('b'), machine('c'))).toEqual({
      a: 'has no IPv4 address of its own: 10.0.2.15 (enp0s3) is also on b, c',
      b: 'has no IPv4 address of its own: 10.0.2.15 (enp0s3) is also on a, c',
      c: 'has no IPv4 address of its own: 10.0.2.15 (enp0s3) is also on a, b',
    });
  });

  it('refuses one machine under two names', () => {
    const one = host('a', '10.0.0.1', 'eth0 10.0.0.1');
    expect(choose(one, { ...one, name: 'b' })['b']).toBe(`is the same machine as a (boot ID ${one.bootId})`);
  });

  it('decides only on those that are asked for, and looks at the others for what they have', () => {
    const given = host('a', '10.0.0.1', 'eth0 10.0.0.1', 'eth1 10.9.0.1');
    const unknown = host('b', '10.9.0.1', 'eth0 10.0.0.2', 'eth1 10.9.0.1');
    const { found, refusals } = chooseAddresses([given, unknown], ['b']);
    expect([...found]).toEqual([['b', { privateIpv4: '10.0.0.2', publicIpv4: '10.0.0.2' }]]);
    expect(refusals).toEqual([]);
  });
});

describe('misplaced', () => {
  it('finds an address that the host does not have, and one that another host has, too', () => {
    const hosts = [
      { name: 'a', privateIpv4: '10.0.0.1', network: network('eth0 10.0.0.1') },
      { name: 'b', privateIpv4: '10.0.0.9', network: network('eth0 10.0.0.2', 'eth1 10.1.0.2') },
      { name: 'c', privateIpv4: '10.0.0.3', network: network('eth0 10.0.0.3', 'eth1 10.0.0.1') },
      { name: 'd', privateIpv4: '10.0.0.4', network: undefined },
    ];
    expect(misplaced(hosts).map(({ member, message }) => `${member} ${message}`)).toEqual([
      'a has a private address, 10.0.0.1, that is also on c',
      'b does not have its private address 10.0.0.9; it has 10.0.0.2 (eth0), 10.1.0.2 (eth1)',
    ]);
  });
});

describe('isPrivateRange', () => {
  it.each(['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '100.64.0.1', '100.127.0.1'])(
    '%s is',
    (address) => expect(isPrivateRange(address)).toBe(true),
  );
  it.each(['172.15.0.1', '172.32.0.1', '100.63.0.1', '100.128.0.1', '127.0.0.1', '10.example.org', '::1', ''])(
    '%s is not',
    (address) => expect(isPrivateRange(address)).toBe(false),
  );
});
