import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect as dialTcp, createServer as createTcp, type AddressInfo, type Server as TcpServer } from 'node:net';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EtcdClient } from '../../../src/etcd/client.js';
import { ensurePki, newAuthority } from '../../../src/pki/ensure.js';
import { PkiStore } from '../../../src/pki/store.js';
import { overTls, tlsContext } from '../../../src/util/tls.js';

/** A real TLS server that wants certificates of clients, as etcd does. */
let directory: string;
let server: TcpServer;
let stores: [ours: PkiStore, others: PkiStore];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coreup-tls-'));
  stores = [await store('ours'), await store('others')];
  const [ours] = stores;
  const entry = await ours.entry({ member: 'core-01', kind: 'server' });
  server = createServer(
    {
      key: entry?.key,
      cert: entry?.certificate.pem,
      ca: ours.credentials().ca,
      requestCert: true,
      rejectUnauthorized: true,
    },
    (_request, response) => {
      response.end('{"version":"3.4.23","leader":"1"}');
    },
  );
  await listening(server);
});
afterAll(async () => {
  server.close();
  await rm(directory, { recursive: true, force: true });
});

async function store(name: string): Promise<PkiStore> {
  const made = new PkiStore(join(directory, name));
  const nobody = () => Promise.resolve(undefined);
  const wanted = [
    { kind: 'client', names: [] },
    { member: 'core-01', kind: 'server', names: ['core-01'] },
  ] as const;
  await ensurePki(made, wanted, {
    cluster: name,
    now: new Date(),
    passphrase: nobody,
    newPassphrase: nobody,
    note: () => undefined,
    running: false,
  });
  return made;
}

function listening(at: TcpServer): Promise<void> {
  return new Promise((resolve) => at.listen(0, '127.0.0.1', resolve));
}

function client(credentials: PkiStore, name = 'core-01', at = server): EtcdClient {
  const { port } = at.address() as AddressInfo;
  const dial = () => Promise.resolve(dialTcp(port, '127.0.0.1'));
  const context = tlsContext(() => credentials.credentials());
  return new EtcdClient(overTls(dial, context, name), 2000);
}

it('asks a member over TLS, with a certificate on both sides', async () => {
  expect(await client(stores[0]).status()).toMatchObject({ version: '3.4.23' });
});

it('does not talk to another member, nor to one of another authority', async () => {
  await expect(client(stores[0], 'core-02').status()).rejects.toThrow(/no TLS with core-02: .*does not match/);
  await expect(client(stores[1]).status()).rejects.toThrow(/no TLS with core-01: /);
});

it('trusts the old and the new authority while one follows the other', async () => {
  await stores[0].introduce(await newAuthority('ours', new Date(), undefined));
  expect(await client(stores[0]).status()).toMatchObject({ version: '3.4.23' });
});

it('says that the other side speaks no TLS, or nothing, and leaves no stream open', async () => {
  const plain = createTcp((socket) => {
    socket.on('error', () => undefined);
    socket.end('HTTP/1.0 400 Bad Request\r\n\r\n');
  });
  await listening(plain);
  await expect(client(stores[0], 'core-01', plain).status()).rejects.toThrow(/it speaks something else|wrong version/);
  plain.close();
  await expect(client(new PkiStore(join(directory, 'none'))).status()).rejects.toMatchObject({ code: 'PKI_MISSING' });
});
