import { afterEach, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { FleetClient } from '../../../src/fleet/client.js';
import { fleetReport } from '../../../src/fleet/report.js';

const RECORDED = 'test/fixtures/fleet';
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A client that gets, one after the other, the bytes that fleetd 1.0.0 sent from its socket on a host of three. */
async function replay(...names: readonly string[]): Promise<{ client: FleetClient; asked: string[] }> {
  const asked: string[] = [];
  const left = [...names];
  const server = createServer((socket) => {
    socket.on('data', (chunk) => {
      asked.push(/^\w+ (\S+)/.exec(chunk.toString())?.[1] ?? '');
      socket.end(readFileSync(join(RECORDED, `${left.shift() ?? ''}.http`)));
    });
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const dial = () =>
    new Promise<Duplex>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => resolve(socket));
      socket.on('error', reject);
    });
  return { client: new FleetClient(dial, 5000), asked };
}

describe('what fleet 1.0.0 answered, recorded', () => {
  it('three machines, one of them with metadata', async () => {
    const { client } = await replay('machines');
    const machines = await client.machines();
    expect(machines.map(({ ip, metadata }) => [ip, metadata])).toEqual([
      ['172.17.8.103', {}],
      ['172.17.8.102', { disk: 'ssd', region: 'eu' }],
      ['172.17.8.101', {}],
    ]);
    expect(machines.every(({ id }) => /^[0-9a-f]{32}$/.test(id))).toBe(true);
  });

  it('115 units on two pages, whose token is not fit for a URL as it is', async () => {
    const { client, asked } = await replay('units-1', 'units-2');
    const units = await client.units();
    expect(asked).toEqual(['/fleet/v1/units', '/fleet/v1/units?nextPageToken=ZAACAA%3D%3D']);
    expect(new Set(units.map(({ name }) => name)).size).toBe(115);
    expect(units.find(({ name }) => name === 'bad.service')).toMatchObject({
      desiredState: 'launched',
      machineId: '11db4c97e78e6828c48f043a3819e365',
      options: expect.arrayContaining([{ section: 'X-Fleet', name: 'MachineMetadata', value: 'disk=ssd' }]),
    });
    // A global unit has no machine of its own and is never more than wanted.
    expect(units.find(({ name }) => name === 'hello.service')).toMatchObject({ machineId: '', currentState: 'inactive' }); // prettier-ignore
  });

  it('the states of units, a global one on each machine', async () => {
    const { client } = await replay('state');
    const states = await client.states();
    expect(states.filter(({ name }) => name === 'hello.service').map(({ active, sub }) => [active, sub])).toEqual([
      ['active', 'running'],
      ['active', 'running'],
      ['active', 'running'],
    ]);
    expect(states.find(({ name }) => name === 'bad.service')).toMatchObject({ load: 'loaded', active: 'failed', sub: 'failed' }); // prettier-ignore
  });

  it('together are a report', async () => {
    const { client } = await replay('machines', 'units-1', 'units-2', 'state');
    const view = { machines: await client.machines(), units: await client.units(), states: await client.states() };
    const { units } = fleetReport(view, (id) => ({ '1183': 'core-03', '11db': 'core-02', '4566': 'core-01' })[id.slice(0, 4)]); // prettier-ignore
    const told = units.filter(({ name }) => !name.startsWith('many@'));
    expect(told.map(({ name, member, active, sub }) => `${name} ${member} ${active}/${sub}`)).toEqual([
      'bad.service core-02 failed/failed',
      'hello.service core-03 active/running',
      'hello.service core-02 active/running',
      'hello.service core-01 active/running',
      'redis@1.service core-01 active/running',
      'redis@2.service core-03 active/running',
    ]);
  });

  it('a unit that it does not know, one that it takes, and one that it refuses', async () => {
    const { client } = await replay('unit-none', 'put-created', 'put-refused');
    expect(await client.unit('none.service')).toBeUndefined();
    const options = [{ section: 'Service', name: 'ExecStart', value: '/bin/true' }];
    await expect(client.put('x.service', options, 'inactive')).resolves.toBeUndefined();
    await expect(client.put('y.service', [], 'launched')).rejects.toThrow(
      /unit does not exist and options field empty/,
    );
  });
});
