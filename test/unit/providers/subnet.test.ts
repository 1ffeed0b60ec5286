import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  bridgeAddress,
  checkSubnet,
  formatAddress,
  freeSubnet,
  memberAddress,
  overlaps,
  parseAddress,
  parseSubnet,
  subnetCapacity,
} from '../../../src/providers/local/subnet.js';
import { InputError } from '../../../src/util/errors.js';

describe('parseSubnet', () => {
  it.each(['172.17.8.0/24', '10.0.0.0/8', '192.168.1.8/29', '100.64.0.0/10'])('takes %s', (text) => {
    expect(() => parseSubnet(text)).not.toThrow();
  });

  it.each([
    ['172.17.8.1/24', 'host bits'],
    ['172.17.8.0', 'not an IPv4 network'],
    ['172.17.8/24', 'not an IPv4 network'],
    ['172.17.08.0/24', 'not an IPv4 network'],
    ['172.17.256.0/24', 'not an IPv4 network'],
    ['172.17.8.0/33', 'not an IPv4 network'],
    ['fd00::/64', 'not an IPv4 network'],
    ['', 'not an IPv4 network'],
    ['172.17.8.0/30', 'too small'],
    ['8.8.8.0/24', 'not private'],
    ['172.32.0.0/16', 'not private'],
    ['172.0.0.0/8', 'not private'],
    ['0.0.0.0/0', 'not private'],
  ])('refuses %s: %s', (text, reason) => {
    expect(() => parseSubnet(text)).toThrow(InputError);
    expect(() => parseSubnet(text)).toThrow(reason);
  });

  it('names the network when host bits are set', () => {
    expect(() => parseSubnet('10.1.2.3/16')).toThrow(expect.objectContaining({ hint: 'the network is 10.1.0.0/16' }));
  });
});

describe('memberAddress', () => {
  it.each([
    ['172.17.8.0/24', 1, '172.17.8.101'],
    ['172.17.8.0/24', 9, '172.17.8.109'],
    ['172.17.8.0/24', 154, '172.17.8.254'],
    ['10.20.0.0/16', 156, '10.20.1.0'],
    ['192.168.7.128/25', 1, '192.168.7.130'],
    ['192.168.7.8/29', 5, '192.168.7.14'],
  ])('%s, member %i: %s', (subnet, index, address) => {
    expect(memberAddress(subnet, index)).toBe(address);
  });

  it.each([
    ['172.17.8.0/24', 155],
    ['192.168.7.8/29', 6],
    ['172.17.8.0/24', 0],
    ['172.17.8.0/24', 1.5],
  ])('%s has no member %d', (subnet, index) => {
    expect(() => memberAddress(subnet, index)).toThrow(InputError);
  });

  it('gives every member that fits its own address inside the subnet, never the bridge or the ends', () => {
    const subnets = fc.integer({ min: 16, max: 29 }).map((prefix) => `10.0.0.0/${prefix}`);
    fc.assert(
      fc.property(subnets, fc.nat(), (text, seed) => {
        const subnet = parseSubnet(text);
        const index = (seed % subnetCapacity(subnet)) + 1;
        const address = parseAddress(memberAddress(text, index)) ?? 0;
        expect(overlaps({ base: address, prefix: 32 }, subnet)).toBe(true);
        expect(address).toBeGreaterThan(parseAddress(bridgeAddress(text)) ?? 0);
        expect(address).toBeLessThan(subnet.base + 2 ** (32 - subnet.prefix) - 1);
      }),
    );
  });
});

describe('checkSubnet', () => {
  it('counts the room', () => {
    expect(checkSubnet('192.168.7.8/29', 5)).toBeUndefined();
    expect(checkSubnet('192.168.7.8/29', 6)).toBe('subnet 192.168.7.8/29 has room for 5 hosts and 6 are asked for');
  });
});

describe('addresses', () => {
  it('survive a round trip, above 2^31 too', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffffff }), (address) => {
        expect(parseAddress(formatAddress(address))).toBe(address);
      }),
    );
  });
});

describe('freeSubnet', () => {
  it('passes over everything that overlaps', () => {
    const taken = ['172.17.0.0/16', '172.18.8.0/30', '172.19.8.77/32'].map((text) => {
      const [address = '', prefix] = text.split('/');
      return { base: parseAddress(address) ?? 0, prefix: Number(prefix) };
    });
    expect(freeSubnet(taken)).toBe('172.20.8.0/24');
  });

  it('has no answer where everything is taken', () => {
    expect(freeSubnet([{ base: 0, prefix: 0 }])).toBeUndefined();
  });
});
