import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { checkToken, look } from '../../../src/discovery/token.js';
import { KeyStore, type Change } from '../../../src/discovery/v2-server/store.js';
import { TokenServer, type KeptRegistration } from '../../../src/discovery/v2-server/token-server.js';

const TOKEN = '/discovery/40134540-b53c-46b3-b34f-33b4f0ae3a9c';
const MEMBERS = [1, 2, 3].map((n) => ({ name: `core-0${n}`, peerUrls: [`http://10.0.0.${n}:2380`] }));
const valueOf = (n: number): string => `core-0${n}=http://10.0.0.${n}:2380`;
const QUERY = 'recursive=false&sorted=false&quorum=false';

describe('the key store', () => {
  it('counts changes, and keeps the index at which a key was created', () => {
    const store = new KeyStore();
    const created = store.create('/t/a', '1').node;
    expect(created).toEqual({ key: '/t/a', value: '1', createdIndex: store.index, modifiedIndex: store.index });
    expect(created.createdIndex).toBeGreaterThan(1);
    expect(store.set('/t/a', '2').node).toMatchObject({
      createdIndex: created.createdIndex,
      modifiedIndex: created.createdIndex + 1,
    });
  });

  it('gives the same indexes for the same history', () => {
    const history = (): number[] => {
      const store = new KeyStore();
      return [store.set('/t/_config/size', '3'), store.create('/t/a', '1'), store.create('/t/b', '2')].map(
        ({ node }) => node.modifiedIndex,
      );
    };
    expect(history()).toEqual(history());
  });

  it('hides what begins with _ from directories and from who watches them', () => {
    const store = new KeyStore();
    const seen: Change[] = [];
    store.watch('/t', true, 0, (change) => seen.push(change));
    store.set('/t/_config/size', '3');
    expect(store.get('/t')).toEqual({ key: '/t', dir: true, nodes: [] });
    expect(seen).toEqual([]);
    store.create('/t/a', '1');
    expect(seen.map(({ node }) => node.key)).toEqual(['/t/a']);
  });

  it('tells of a change once, also of one that is past', () => {
    const store = new KeyStore();
    const { node } = store.create('/t/a', '1');
    store.create('/t/b', '2');
    const seen: string[] = [];
    const note = (change: Change) => seen.push(change.node.key);
    store.watch('/t/a', false, node.createdIndex, note);
    store.watch('/t', true, node.createdIndex + 1, note);
    store.watch('/t/b', false, 0, note);
    store.watch('/t', false, node.createdIndex, note);
    expect(seen).toEqual(['/t/a', '/t/b']);
  });

  it('waits for an index that is to come', () => {
    const store = new KeyStore();
    const seen: string[] = [];
    store.watch('/t', true, store.index + 2, (change) => seen.push(change.node.key));
    store.create('/t/a', '1');
    store.create('/t/b', '2');
    expect(seen).toEqual(['/t/b']);
  });

  it('stops telling', () => {
    const store = new KeyStore();
    const seen: Change[] = [];
    store.watch('/t', true, 0, (change) => seen.push(change))();
    store.create('/t/a', '1');
    expect(seen).toEqual([]);
  });

  it('refuses with the codes of etcd', () => {
    const store = new KeyStore();
    store.create('/t/a', '1');
    expect(() => store.get('/t/b')).toThrow(expect.objectContaining({ errorCode: 100, status: 404 }));
    expect(() => store.create('/t/a', '2')).toThrow(expect.objectContaining({ errorCode: 105, status: 412 }));
    expect(() => store.create('/t/a/b', '2')).toThrow(expect.objectContaining({ errorCode: 104, status: 400 }));
    for (let n = 0; n < 1000; n++) store.set('/t/c', String(n));
    expect(() => store.watch('/t', true, 4, () => undefined)).toThrow(
      expect.objectContaining({ errorCode: 401, status: 400 }),
    );
  });
});

describe('the token server', () => {
  let tcp: Server;
  let server: TokenServer;
  let kept: KeptRegistration[];

  const serve = (registrations: readonly KeptRegistration[] = []): void => {
    kept = [...registrations];
    server = new TokenServer({
      token: TOKEN,
      members: MEMBERS,
      kept: registrations,
      onRegister: (registration) => Promise.resolve(void kept.push(registration)),
    });
  };

  beforeEach(async () => {
    serve();
    tcp = createServer((socket) => server.serve(socket)).listen(0, '127.0.0.1');
    await once(tcp, 'listening');
  });
  afterEach(() => {
    server.close();
    tcp.close();
  });

  const port = (): number => (tcp.address() as AddressInfo).port;

  /** Sends a request as etcd's v2 client does; resolves with the headers, long before a long poll ends. */
  const send = async (method: string, path: string, form?: string): Promise<IncomingMessage> => {
    const outgoing = request({
      host: '127.0.0.1',
      port: port(),
      method,
      path: `/v2/keys${path}`,
      agent: false,
      ...(form === undefined ? {} : { headers: { 'content-type': 'application/x-www-form-urlencoded' } }),
    });
    outgoing.end(form);
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    return response;
  };
  const bodyOf = async (response: IncomingMessage): Promise<Record<string, unknown>> =>
    JSON.parse(Buffer.concat((await response.toArray()) as Buffer[]).toString()) as Record<string, unknown>;
  const get = async (path: string) => {
    const response = await send('GET', path);
    return { status: response.statusCode, headers: response.headers, body: await bodyOf(response) };
  };
  const put = async (id: string, value: string, query = '?prevExist=false') => {
    const response = await send('PUT', `${TOKEN}/${id}${query}`, new URLSearchParams({ value }).toString());
    return { status: response.statusCode, headers: response.headers, body: await bodyOf(response) };
  };

  it('tells the size', async () => {
    expect(await get(`${TOKEN}/_config/size?${QUERY}`)).toMatchObject({
      status: 200,
      body: { action: 'get', node: { key: `${TOKEN}/_config/size`, value: '3' } },
    });
  });

  it('takes registrations, lists them, and counts them in X-Etcd-Index', async () => {
    const first = await put('a1', valueOf(1));
    expect(first).toMatchObject({
      status: 201,
      body: { action: 'create', node: { key: `${TOKEN}/a1`, value: valueOf(1) } },
    });
    await put('b2', valueOf(2));
    const { headers, body } = await get(`${TOKEN}?${QUERY}`);
    expect(body).toMatchObject({ node: { dir: true, nodes: [{ value: valueOf(1) }, { value: valueOf(2) }] } });
    expect(Number(headers['x-etcd-index'])).toBe(Number(first.headers['x-etcd-index']) + 1);
    expect(headers['x-raft-index']).toBe(headers['x-etcd-index']);
    expect(kept).toEqual([
      { id: 'a1', value: valueOf(1) },
      { id: 'b2', value: valueOf(2) },
    ]);
  });

  it("sends a long poll's headers at once, and its answer when somebody registers", async () => {
    const { headers } = await get(`${TOKEN}?${QUERY}`);
    const since = Number(headers['x-etcd-index']) + 1;
    const waiting = await send('GET', `${TOKEN}?wait=true&waitIndex=${since}&recursive=true`);
    expect(waiting.statusCode).toBe(200);
    expect(waiting.headers['x-etcd-index']).toBe(headers['x-etcd-index']);
    await put('a1', valueOf(1));
    expect(await bodyOf(waiting)).toMatchObject({
      action: 'create',
      node: { key: `${TOKEN}/a1`, modifiedIndex: since },
    });
  });

  it('answers a poll for what is past at once', async () => {
    const { body } = await put('a1', valueOf(1));
    const { createdIndex } = body.node as { createdIndex: number };
    expect((await get(`${TOKEN}/a1?wait=true&waitIndex=${createdIndex}&recursive=false`)).body).toEqual(body);
  });

  it('answers a member that registers again as the first time', async () => {
    const first = await put('a1', valueOf(1));
    await put('b2', valueOf(2));
    expect((await put('a1', valueOf(1))).body).toEqual(first.body);
    expect(kept).toHaveLength(2);
  });

  it('goes on with what an earlier server has kept, at the same indexes', async () => {
    const before = [await put('a1', valueOf(1)), await put('b2', valueOf(2))].map(({ body }) => body);
    serve(kept);
    expect((await put('b2', valueOf(2))).body).toEqual(before[1]);
    expect((await put('a1', valueOf(1))).body).toEqual(before[0]);
    expect((await get(`${TOKEN}?${QUERY}`)).body).toMatchObject({ node: { nodes: [{ key: `${TOKEN}/a1` }, {}] } });
  });

  it('lets nobody in whom it does not expect', async () => {
    for (const [id, value] of [
      ['a1', 'core-04=http://10.0.0.4:2380'],
      ['a1', 'core-01=http://10.0.0.9:2380'],
      ['a1', 'gibberish'],
      ['_config', valueOf(1)],
      ['a1/deeper', valueOf(1)],
    ] as const) {
      expect(await put(id, value)).toMatchObject({ status: 401, body: { errorCode: 110 } });
    }
    await put('a1', valueOf(1));
    expect(await put('f00', valueOf(1))).toMatchObject({ status: 401, body: { errorCode: 110 } });
    expect(await put('a1', valueOf(2))).toMatchObject({ status: 412, body: { errorCode: 105 } });
    expect(kept).toHaveLength(1);
  });

  it('registers nobody of whom no note could be made', async () => {
    server = new TokenServer({
      token: TOKEN,
      members: MEMBERS,
      kept: [],
      onRegister: () => Promise.reject(new Error('disk full')),
    });
    expect(await put('a1', valueOf(1))).toMatchObject({ status: 500, body: { errorCode: 300, cause: 'disk full' } });
    expect((await get(`${TOKEN}?${QUERY}`)).body).toMatchObject({ node: { nodes: [] } });
  });

  it('refuses what discovery does not do', async () => {
    expect(await put('_config/size', '9', '')).toMatchObject({ status: 400, body: { errorCode: 209 } });
    expect((await send('DELETE', TOKEN)).statusCode).toBe(405);
    expect((await send('POST', TOKEN, 'value=x')).statusCode).toBe(405);
    expect(await get(`${TOKEN}?wait=true&waitIndex=x`)).toMatchObject({ status: 400, body: { errorCode: 203 } });
    expect(await get(`${TOKEN}?wait=maybe`)).toMatchObject({ status: 400, body: { errorCode: 209 } });
    expect(await get('/another-token')).toMatchObject({ status: 404, body: { errorCode: 100 } });
    expect(await put('a1', 'x'.repeat(20_000))).toMatchObject({ status: 400, body: { errorCode: 210 } });
  });

  it('can be looked at like any discovery service', async () => {
    await put('a1', valueOf(2));
    const url = `http://127.0.0.1:${port()}/v2/keys${TOKEN}`;
    expect(checkToken(url, await look(url), MEMBERS)).toEqual(['core-02']);
  });
});
