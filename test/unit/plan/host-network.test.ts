import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { NETWORK_COMMANDS, parseNetwork } from '../../../src/plan/host-network.js';
import { runShell, standIns } from './support.js';

describe('parseNetwork', () => {
  it('reads what iproute2 6.1 printed on a machine with two networks and a bridge that is down', () => {
    expect(parseNetwork(readFileSync('test/fixtures/hosts/virtualbox-network.txt', 'utf8'))).toEqual({
      addresses: [
        { address: '127.0.0.1', interface: 'lo', scope: 'host', secondary: false },
        { address: '10.0.2.15', interface: 'enp0s3', scope: 'global', secondary: false },
        { address: '192.168.56.11', interface: 'enp0s8', scope: 'global', secondary: false },
        { address: '192.168.56.100', interface: 'enp0s8', scope: 'global', secondary: true },
      ],
      defaultInterface: 'enp0s3',
    });
  });

  it('takes the route with the best metric, and passes over the empty objects of older versions', () => {
    const link = '{"ifname":"eth0","flags":["UP"],"addr_info":[{"local":"10.0.0.1","scope":"global"}]}';
    const routes = '[{"dst":"default","dev":"wlan0","metric":600},{"dst":"default","dev":"eth0"}]';
    expect(parseNetwork(`[{},${link}]\n\x1d${routes}`)).toEqual({
      addresses: [{ address: '10.0.0.1', interface: 'eth0', scope: 'global', secondary: false }],
      defaultInterface: 'eth0',
    });
  });

  it('knows nothing where there is no ip, or one that prints no JSON', () => {
    const script = NETWORK_COMMANDS.join('\n');
    for (const body of ['exit 127', 'echo "Option \\"-j\\" is unknown, try \\"ip -help\\"."; exit 255']) {
      const { stdout } = runShell(script, { path: standIns({ ip: body }) });
      expect(parseNetwork(stdout)).toBeUndefined();
    }
  });

  it('knows this machine', () => {
    const { stdout } = runShell(NETWORK_COMMANDS.join('\n'));
    expect(parseNetwork(stdout)?.addresses.some(({ interface: device }) => device !== '')).toBe(true);
  });
});
