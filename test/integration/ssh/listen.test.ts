import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createSsh } from '../../../src/ssh/client.js';
import type { Connection, Listener, Ssh } from '../../../src/ssh/port.js';
import { freePort, Sshd } from './sshd.js';
import { containing } from './matchers.js';

const HOST = '127.0.0.1';

/** What a client on the host reads from a port there, to the end. */
async function read(port: number): Promise<string> {
  const socket = connect(port, HOST);
  const chunks = (await socket.toArray()) as Buffer[];
  return Buffer.concat(chunks).toString();
}

async function refuses(port: number): Promise<boolean> {
  const socket = connect(port, HOST);
  const outcome = await once(socket, 'connect').then(
    () => false,
    () => true,
  );
  socket.destroy();
  return outcome;
}

const greet = (text: string) => (stream: Duplex) => void stream.end(text);

describe('listen', () => {
  let sshd: Sshd;
  let ssh: Ssh;
  let connection: Connection;
  const open: Listener[] = [];

  beforeAll(async () => {
    sshd = await Sshd.create();
    ssh = createSsh({ knownHostsFile: sshd.knownHostsFile, agent: false });
    connection = await ssh.connect(sshd.target, { deadline: 10_000 });
  });
  afterEach(async () => {
    for (const listener of open.splice(0)) await listener.close();
  });
  afterAll(async () => {
    await ssh.close();
    await sshd.remove();
  });

  test('brings connections to a port over there here', async () => {
    const port = await freePort();
    open.push(await connection.listen(HOST, port, greet('from here')));
    expect(await Promise.all([read(port), read(port), read(port)])).toEqual(['from here', 'from here', 'from here']);
  });

  test('keeps several ports apart, and finds a free one for 0', async () => {
    const port = await freePort();
    const [first, second] = [
      await connection.listen(HOST, port, greet('first')),
      await connection.listen(HOST, 0, greet('second')),
    ];
    open.push(first, second);
    expect(first.port).toBe(port);
    expect(second.port).not.toBe(port);
    expect([await read(first.port), await read(second.port)]).toEqual(['first', 'second']);
  });

  test('carries much data both ways', async () => {
    const listener = await connection.listen(HOST, 0, (stream) => void stream.pipe(stream));
    open.push(listener);
    const socket: Socket = connect(listener.port, HOST);
    const data = Buffer.alloc(3_000_000, 'abc');
    const received = socket.toArray() as Promise<Buffer[]>;
    socket.end(data);
    expect(Buffer.concat(await received).equals(data)).toBe(true);
  });

  test('closes the port, and it can be taken again', async () => {
    const port = await freePort();
    const listener = await connection.listen(HOST, port, greet('once'));
    await listener.close();
    expect(await refuses(port)).toBe(true);
    open.push(await connection.listen(HOST, port, greet('again')));
    expect(await read(port)).toBe('again');
  });

  test('names a port that is in use there', async () => {
    const server = createServer().listen(0, HOST);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await expect(connection.listen(HOST, port, greet(''))).rejects.toMatchObject({
      code: 'SSH_PORT_TAKEN',
      message: containing(`127.0.0.1:${port} is in use there`),
      member: 'core-01',
    });
    server.close();
  });
});

describe.each(['AllowTcpForwarding no', 'AllowTcpForwarding local', 'DisableForwarding yes', 'PermitListen none'])(
  'listen with %s',
  (setting) => {
    let sshd: Sshd;
    let ssh: Ssh;

    beforeAll(async () => {
      sshd = await Sshd.create({ config: [setting] });
      ssh = createSsh({ knownHostsFile: sshd.knownHostsFile, agent: false });
    });
    afterAll(async () => {
      await ssh.close();
      await sshd.remove();
    });

    test('says that sshd does not allow it', async () => {
      const connection = await ssh.connect(sshd.target, { deadline: 10_000 });
      await expect(connection.listen(HOST, await freePort(), greet(''))).rejects.toMatchObject({
        code: 'SSH_LISTEN',
        hint: containing('AllowTcpForwarding'),
      });
    });
  },
);

describe('a connection that ends', () => {
  test('takes its ports with it, and new ones are refused as lost', async () => {
    const sshd = await Sshd.create();
    const ssh = createSsh({ knownHostsFile: sshd.knownHostsFile, agent: false });
    try {
      const connection = await ssh.connect(sshd.target, { deadline: 10_000 });
      const listener = await connection.listen(HOST, 0, greet(''));
      await ssh.close();
      await expect(listener.close()).resolves.toBeUndefined();
      await expect(connection.listen(HOST, 0, greet(''))).rejects.toMatchObject({ code: 'SSH_LOST' });
    } finally {
      await sshd.remove();
    }
  });
});
