import { describe, expect, it } from '@jest/globals';
import { deviceOf } from '../../../src/providers/local/network.js';
import {
  hasBridgeRoute,
  parseLocalAddresses,
  parseRoutes,
  routeOf,
  subnetUser,
  takenSubnets,
} from '../../../src/providers/local/routes.js';
import { freeSubnet, parseAddress, parseSubnet } from '../../../src/providers/local/subnet.js';

/** As Linux prints it: a default route, a LAN, our bridge, a VPN's half of everything, a rejected network. */
const table = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010200C0	0003	0	0	0	00000000	0	0	0
eth0	000200C0	00000000	0001	0	0	100	00FFFFFF	0	0	0
cu-12345678	000811AC	00000000	0001	0	0	0	00FFFFFF	0	0	0
tun0	00000080	0100080A	0003	0	0	50	00000080	0	0	0
*	0000140A	00000000	0201	0	0	0	0000FFFF	0	0	0
down0	0000150A	00000000	0000	0	0	0	0000FFFF	0	0	0
`;
const trie = `Main:
  +-- 0.0.0.0/0 3 0 5
Local:
  +-- 0.0.0.0/0 3 0 5
           |-- 127.0.0.1
              /32 host LOCAL
        |-- 172.17.8.1
           /32 host LOCAL
        |-- 172.17.8.255
           /32 link BROADCAST
           |-- 192.0.2.2
              /32 host LOCAL
        |-- 10.9.9.9
           /32 host LOCAL
`;
const state = { routes: parseRoutes(table), local: parseLocalAddresses(trie), policy: false };
const bridge = 'cu-12345678';
const address = (text: string) => parseAddress(text) ?? -1;

describe('reading the kernel', () => {
  it('turns its byte order round', () => {
    expect(state.routes[1]).toEqual({
      device: 'eth0',
      base: address('192.0.2.0'),
      prefix: 24,
      gateway: 0,
      metric: 100,
    });
  });

  it('passes over routes that are not up', () => {
    expect(state.routes.map((route) => route.device)).not.toContain('down0');
  });

  it('finds local addresses and not broadcast ones', () => {
    expect(state.local).toEqual(['127.0.0.1', '172.17.8.1', '192.0.2.2', '10.9.9.9'].map(address));
  });
});

describe('routeOf', () => {
  it.each([
    ['172.17.8.101', bridge],
    ['192.0.2.9', 'eth0'],
    ['10.20.1.1', '*'],
    ['200.1.1.1', 'tun0'],
    ['9.9.9.9', 'eth0'],
  ])('%s leaves by %s', (to, device) => {
    expect(routeOf(state.routes, address(to))?.device).toBe(device);
  });

  it('prefers the lower metric among equals', () => {
    const twice = [
      { device: 'slow', base: 0, prefix: 0, gateway: 0, metric: 9 },
      { device: 'fast', base: 0, prefix: 0, gateway: 0, metric: 1 },
    ];
    expect(routeOf(twice, address('1.2.3.4'))?.device).toBe('fast');
  });

  it('has no route where there is none', () => {
    expect(routeOf([], address('1.2.3.4'))).toBeUndefined();
  });
});

describe('subnetUser', () => {
  const user = (text: string) => subnetUser(state, parseSubnet(text), bridge);

  it('lets our own bridge be', () => {
    expect(user('172.17.8.0/24')).toBeUndefined();
  });

  it('sees the bridge of another cluster', () => {
    expect(subnetUser(state, parseSubnet('172.17.0.0/16'), 'cu-other')).toBe(
      'a route of this machine to 172.17.8.0/24 (interface cu-12345678)',
    );
  });

  it('sees an address that has no route', () => {
    expect(user('10.9.9.0/24')).toBe("the machine's own address 10.9.9.9/32");
  });

  it('takes neither a default route nor half of one for a user', () => {
    expect(user('192.168.5.0/24')).toBeUndefined();
  });

  it('proposes a subnet that has no user', () => {
    expect(user(freeSubnet(takenSubnets(state)) ?? '')).toBeUndefined();
  });
});

describe('hasBridgeRoute', () => {
  it('wants the very subnet', () => {
    expect(hasBridgeRoute(state.routes, bridge, parseSubnet('172.17.8.0/24'))).toBe(true);
    expect(hasBridgeRoute(state.routes, bridge, parseSubnet('172.17.8.0/25'))).toBe(false);
    expect(hasBridgeRoute(state.routes, 'cu-other', parseSubnet('172.17.8.0/24'))).toBe(false);
  });
});

describe('deviceOf', () => {
  it('reads what ip route get answers', () => {
    expect(deviceOf('[{"dst":"172.17.8.101","dev":"cu-1","prefsrc":"172.17.8.1","flags":[]}]')).toBe('cu-1');
  });

  it('has no device for what a router or this machine itself would get', () => {
    expect(deviceOf('[{"dst":"8.8.8.8","gateway":"192.0.2.1","dev":"eth0"}]')).toBeUndefined();
    expect(deviceOf('[{"type":"local","dst":"192.0.2.2","dev":"lo"}]')).toBeUndefined();
    expect(deviceOf('[]')).toBeUndefined();
  });
});
