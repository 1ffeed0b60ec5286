import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { PassThrough, type Duplex } from 'node:stream';
import { afterEach, describe, expect, it } from '@jest/globals';
import { EtcdClient } from '../../../src/etcd/client.js';
import { CoreupError } from '../../../src/util/errors.js';

const servers: Server[] = [];
const sockets = new Set<Socket>();
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await Promise.all(servers.splice(0).map((server) => new Promise((done) => server.close(done))));
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return (server.address() as AddressInfo).port;
}

function dialTo(port: number): () => Promise<Duplex> {
  return () =>
    new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => resolve(socket));
      socket.on('error', reject);
    });
}

/** A client of an HTTP server that answers every request so. */
async function answering(
  answer: (request: { path: string; body: unknown }, response: ServerResponse) => void,
  timeout = 10_000,
): Promise<EtcdClient> {
  const port = await listen(
    createHttpServer((request: IncomingMessage, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        answer({ path: request.url ?? '', body: JSON.parse(Buffer.concat(chunks).toString()) }, response);
      });
    }),
  );
  return new EtcdClient(dialTo(port), timeout);
}

/** A client of a TCP server that does so once it has got something. */
async function talking(talk: (socket: Socket) => void, timeout = 10_000): Promise<EtcdClient> {
  const port = await listen(createServer((socket) => socket.once('data', () => talk(socket))));
  return new EtcdClient(dialTo(port), timeout);
}

const json = (value: unknown) => (_: unknown, response: ServerResponse) => response.end(JSON.stringify(value));

async function failureOf(work: Promise<unknown>): Promise<{ code: string; message: string }> {
  try {
    await work;
  } catch (error) {
    expect(error).toBeInstanceOf(CoreupError);
    const { code, message } = error as CoreupError;
    return { code, message };
  }
  throw new Error('it did not fail');
}

describe('EtcdClient against a stand-in HTTP server that answers as etcd 3.5.16 does', () => {
  it('reads who a member is and whom it follows', async () => {
    const client = await answering(
      json({
        header: { cluster_id: '82890091416917565', member_id: '10409613496263512085', raft_term: '2' },
        version: '3.5.16',
        leader: '10409613496263512085',
        dbSize: '20480',
      }),
    );
    expect(await client.status()).toEqual({
      clusterId: '1267c19564e163d',
      memberId: '9076605285e61015',
      leader: '9076605285e61015',
      version: '3.5.16',
    });
  });

  it.each([[{ leader: '0' }], [{}]])('knows a member that follows nobody (%j)', async (part) => {
    const client = await answering(json({ header: { cluster_id: '1', member_id: '18446744073709551615' }, ...part }));
    expect(await client.status()).toEqual({
      clusterId: '1',
      memberId: 'ffffffffffffffff',
      leader: undefined,
      version: '',
    });
  });

  it('reads the member list, with members that have not started and learners', async () => {
    const client = await answering(
      json({
        members: [
          { ID: '1', name: 'core-01', peerURLs: ['http://a:2380'], clientURLs: ['http://a:2379', 'http://a:4001'] },
          { ID: '255', peerURLs: ['http://b:2380'], isLearner: true },
        ],
      }),
    );
    expect(await client.members()).toEqual([
      {
        id: '1',
        name: 'core-01',
        peerUrls: ['http://a:2380'],
        clientUrls: ['http://a:2379', 'http://a:4001'],
        learner: false,
      },
      { id: 'ff', name: '', peerUrls: ['http://b:2380'], clientUrls: [], learner: true },
    ]);
    expect(await (await answering(json({}))).members()).toEqual([]);
  });

  it('writes, reads and deletes keys and values of any text', async () => {
    const store = new Map<string, string>();
    const client = await answering(({ path, body }, response) => {
      const { key, value = '' } = body as { key: string; value?: string };
      if (path === '/v3/kv/put') store.set(key, value);
      if (path === '/v3/kv/deleterange') store.delete(key);
      const found = store.get(key);
      // As the gateway does: an empty value is left out.
      const kvs = found === undefined ? {} : { kvs: [{ key, ...(found === '' ? {} : { value: found }) }] };
      response.end(JSON.stringify(path === '/v3/kv/range' ? kvs : {}));
    });
    for (const value of ['plain', 'é\n"\\ 😀', '']) {
      await client.put('/a key/ü', value);
      expect(await client.get('/a key/ü')).toBe(value);
    }
    await client.delete('/a key/ü');
    expect(await client.get('/a key/ü')).toBeUndefined();
  });

  it('opens a stream for each request and closes it', async () => {
    const client = await answering(json({}));
    await client.members();
    await client.members();
    expect(sockets.size).toBe(2);
    for (const socket of sockets) {
      if (!socket.destroyed) await new Promise((done) => socket.once('close', done));
    }
  });
});

describe('EtcdClient against a stand-in server that fails', () => {
  it('says what etcd says when it refuses', async () => {
    const client = await answering((_, response) => {
      response.statusCode = 503;
      response.end('{"error":"etcdserver: no leader","code":14,"message":"etcdserver: no leader"}');
    });
    expect(await failureOf(client.put('a', 'b'))).toEqual({
      code: 'ETCD_REQUEST',
      message: 'etcd answered /v3/kv/put with 503: etcdserver: no leader',
    });
  });

  it.each([
    ['404 page not found\n', 'etcd answered /v3/kv/range with 404: 404 page not found'],
    ['{"code":5, "message":"Not Found"}', 'etcd answered /v3/kv/range with 404: Not Found'],
    ['', 'etcd answered /v3/kv/range with 404: no reason given'],
    ['x'.repeat(5000), `etcd answered /v3/kv/range with 404: ${'x'.repeat(200)}`],
  ])('says what a server says that is not etcd', async (body, message) => {
    const client = await answering((_, response) => {
      response.statusCode = 404;
      response.end(body);
    });
    expect((await failureOf(client.get('a'))).message).toBe(message);
  });

  it.each(['<html>hello</html>', '', 'null', '42', '{"header":', '{"leader":"not a number"}', '{"leader":{}}'])(
    'does not take %j for an answer',
    async (body) => {
      const client = await answering((_, response) => response.end(body));
      const { code, message } = await failureOf(client.status());
      expect(code).toBe('ETCD_REQUEST');
      expect(message).toBe(`etcd answered /v3/maintenance/status with something that is not etcd's: ${body}`);
    },
  );

  it('gives up at the time limit when nothing comes', async () => {
    const client = await talking(() => undefined, 50);
    expect((await failureOf(client.status())).message).toBe('etcd did not answer /v3/maintenance/status within 0.05 s');
  });

  it('gives up at the time limit in the middle of an answer', async () => {
    const client = await talking((socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"a'), 50);
    expect((await failureOf(client.status())).message).toBe('etcd did not answer /v3/maintenance/status within 0.05 s');
  });

  it('gives up at the time limit while it dials, and closes a stream that comes later', async () => {
    let answer: (socket: Duplex) => void = () => undefined;
    const client = new EtcdClient(() => new Promise((resolve) => (answer = resolve)), 20);
    expect((await failureOf(client.status())).message).toBe('etcd did not answer /v3/maintenance/status within 0.02 s');
    const late = new PassThrough();
    answer(late);
    await new Promise((done) => late.once('close', done));
    expect(late.destroyed).toBe(true);
  });

  it('says that an answer was cut off, without waiting for the time limit', async () => {
    const client = await talking((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"a'));
    expect((await failureOf(client.status())).message).toBe(
      'etcd did not answer /v3/maintenance/status: the answer was cut off',
    );
  });

  it('says that the connection was closed or reset', async () => {
    const closed = await talking((socket) => socket.end());
    expect((await failureOf(closed.status())).message).toBe(
      'etcd did not answer /v3/maintenance/status: socket hang up',
    );
    const reset = await talking((socket) => socket.resetAndDestroy());
    expect((await failureOf(reset.status())).message).toMatch(
      /^etcd did not answer \/v3\/maintenance\/status: .*ECONNRESET/,
    );
  });

  it('says that something else speaks on that port', async () => {
    const client = await talking((socket) => socket.end('SSH-2.0-OpenSSH_9.2p1\r\n'));
    expect((await failureOf(client.status())).message).toMatch(/^etcd did not answer .*Parse Error/);
  });

  it('passes on why the port cannot be reached', async () => {
    const refused = new CoreupError('core-01: no connection from there to 127.0.0.1:2379', { code: 'SSH_FORWARD' });
    expect(await failureOf(new EtcdClient(() => Promise.reject(refused)).status())).toEqual({
      code: 'SSH_FORWARD',
      message: refused.message,
    });
  });

  it('does not mind what happens to the stream afterwards', async () => {
    const port = await listen(createHttpServer((_, response) => response.end('{}')));
    let stream: Duplex | undefined;
    const client = new EtcdClient(async () => (stream = await dialTo(port)()));
    await client.members();
    expect(stream?.emit('error', new Error('reset long after'))).toBe(true);
  });
});
