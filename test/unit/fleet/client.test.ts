import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, test } from '@jest/globals';
import { FleetClient } from '../../../src/fleet/client.js';

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}
type Reply = readonly [code: number, body?: string];

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** A client of a stand-in for fleetd that gives scripted answers, in order, and keeps what was asked. */
async function fleetThatAnswers(...replies: readonly Reply[]): Promise<{ client: FleetClient; asked: Asked[] }> {
  const asked: Asked[] = [];
  const left = [...replies];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      asked.push({
        method: request.method ?? '',
        path: request.url ?? '',
        body: body === '' ? undefined : (JSON.parse(body) as unknown),
      });
      const [code, text] = left.shift() ?? [500];
      response.writeHead(code, { 'Content-Type': 'application/json' }).end(text);
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

describe('reading', () => {
  test('machines, one of them without metadata and without an address', async () => {
    const { client } = await fleetThatAnswers([
      200,
      '{"machines":[{"id":"a1","metadata":{"disk":"ssd"},"primaryIP":"172.17.8.101"},{"id":"b2"}]}',
    ]);
    expect(await client.machines()).toEqual([
      { id: 'a1', ip: '172.17.8.101', metadata: { disk: 'ssd' } },
      { id: 'b2', ip: '', metadata: {} },
    ]);
  });

  test('all pages of the units', async () => {
    const { client, asked } = await fleetThatAnswers(
      [200, '{"nextPageToken":"a b","units":[{"name":"a.service","desiredState":"launched","currentState":"loaded"}]}'],
      [200, '{"units":[{"name":"b.service","desiredState":"inactive","machineID":"m"}]}'],
    );
    expect((await client.units()).map(({ name, machineId }) => [name, machineId])).toEqual([
      ['a.service', ''],
      ['b.service', 'm'],
    ]);
    expect(asked.map(({ path }) => path)).toEqual(['/fleet/v1/units', '/fleet/v1/units?nextPageToken=a%20b']);
  });

  test('no units at all, which fleet says with an empty document', async () => {
    const { client } = await fleetThatAnswers([200, '{}'], [200, '{}'], [404, '{"error":{"code":404}}']);
    expect(await client.units()).toEqual([]);
    expect(await client.states()).toEqual([]);
    expect(await client.unit('a.service')).toBeUndefined();
  });
});

describe('changing', () => {
  test('a unit is submitted, wanted, destroyed', async () => {
    const { client, asked } = await fleetThatAnswers([201], [204], [204], [404, '{}']);
    const options = [{ section: 'Service', name: 'ExecStart', value: '/bin/true' }];
    await client.put('redis@1.service', options, 'inactive');
    await client.setTarget('redis@1.service', 'launched');
    await client.destroy('redis@1.service');
    await client.destroy('redis@1.service');
    expect(asked).toEqual([
      {
        method: 'PUT',
        path: '/fleet/v1/units/redis%401.service',
        body: { name: 'redis@1.service', options, desiredState: 'inactive' },
      },
      {
        method: 'PUT',
        path: '/fleet/v1/units/redis%401.service',
        body: { name: 'redis@1.service', desiredState: 'launched' },
      },
      { method: 'DELETE', path: '/fleet/v1/units/redis%401.service', body: undefined },
      { method: 'DELETE', path: '/fleet/v1/units/redis%401.service', body: undefined },
    ]);
  });

  test("a refusal comes with fleet's reason", async () => {
    const { client } = await fleetThatAnswers([
      400,
      '{"error":{"code":400,"message":"MachineID cannot be used with Peers"}}',
    ]);
    await expect(client.put('a.service', [], 'loaded')).rejects.toMatchObject({
      code: 'FLEET_REQUEST',
      message: 'fleet answered PUT /fleet/v1/units/a.service with 400: MachineID cannot be used with Peers',
    });
  });
});

describe('failing', () => {
  test('an answer that is not JSON', async () => {
    const { client } = await fleetThatAnswers([200, '<html>']);
    await expect(client.machines()).rejects.toThrow("something that is not fleet's: <html>");
  });

  test('an error without a reason', async () => {
    const { client } = await fleetThatAnswers([500]);
    await expect(client.states()).rejects.toThrow('with 500: no reason given');
  });

  test('no answer within the time', async () => {
    const server = createServer(() => undefined);
    servers.push(server);
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as AddressInfo;
    const client = new FleetClient(() => Promise.resolve(connect(port, '127.0.0.1')), 50);
    await expect(client.machines()).rejects.toThrow('fleet did not answer GET /fleet/v1/machines within 0.05 s');
  });
});
