import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { execa } from 'execa';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensurePki, newAuthority } from '../../../src/pki/ensure.js';
import { PkiStore } from '../../../src/pki/store.js';

/** What OpenSSL itself, which is what most clients of etcd are built on, thinks of the certificates. */
const NOW = new Date();
let directory: string;
let store: PkiStore;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coreup-openssl-'));
  store = new PkiStore(directory);
  await make();
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function make(): Promise<void> {
  await ensurePki(
    store,
    [
      { kind: 'client', names: [] },
      { member: 'core-01', kind: 'server', names: ['core-01', 'core-01.example.com', 'localhost', '10.0.0.1', '::1'] },
    ],
    {
      cluster: 'cellar',
      now: NOW,
      passphrase: () => Promise.resolve('word'),
      newPassphrase: () => Promise.resolve('word'),
      note: () => undefined,
      running: false,
    },
  );
}

const server = (): string => store.pathOf({ member: 'core-01', kind: 'server' });

async function verify(...args: string[]): Promise<{ code: number | undefined; said: string }> {
  const { exitCode, stdout, stderr } = await execa('openssl', ['verify', '-x509_strict', ...args], { reject: false });
  return { code: exitCode, said: stdout + stderr };
}

it('verifies for servers and clients, under every name, and under no other', async () => {
  const ca = join(directory, 'ca.pem');
  const ofCa = ['-CAfile', ca];
  expect(await verify(...ofCa, '-purpose', 'sslserver', '-verify_ip', '10.0.0.1', server())).toMatchObject({ code: 0 });
  expect(await verify(...ofCa, '-purpose', 'sslclient', '-verify_ip', '::1', server())).toMatchObject({ code: 0 });
  for (const name of ['core-01', 'core-01.example.com', 'localhost']) {
    expect(await verify(...ofCa, '-verify_hostname', name, server())).toMatchObject({ code: 0 });
  }
  expect((await verify(...ofCa, '-verify_hostname', 'core-02', server())).said).toContain('hostname mismatch');
  expect((await verify(...ofCa, '-verify_ip', '10.0.0.2', server())).said).toContain('IP address mismatch');
  const own = store.pathOf({ kind: 'client' });
  expect(await verify(...ofCa, '-purpose', 'sslclient', own)).toMatchObject({ code: 0 });
  expect((await verify(...ofCa, '-purpose', 'sslserver', own)).code).not.toBe(0);
});

it('is made of P-256 keys that fit their certificates, and protects that of the authority', async () => {
  const { stdout: text } = await execa('openssl', ['x509', '-in', server(), '-noout', '-text']);
  expect(text).toContain('ASN1 OID: prime256v1');
  expect(text).toContain('CA:FALSE');
  const { stdout: ofCertificate } = await execa('openssl', ['x509', '-in', server(), '-noout', '-pubkey']);
  const { stdout: ofKey } = await execa('openssl', ['pkey', '-in', server(), '-pubout']);
  expect(ofKey).toBe(ofCertificate);
  const opened = await execa('openssl', ['pkey', '-in', join(directory, 'ca.pem'), '-passin', 'pass:wrong', '-noout'], {
    reject: false,
  });
  expect(opened.exitCode).not.toBe(0);
  await execa('openssl', ['pkey', '-in', join(directory, 'ca.pem'), '-passin', 'pass:word', '-noout']);
});

it('verifies throughout a change of the authority for whoever trusts what is trusted', async () => {
  const trust = join(directory, 'trust.pem');
  const check = async (): Promise<void> => {
    const { trusted } = (await store.authorities()) ?? { trusted: [] };
    await writeFile(trust, trusted.map(({ pem }) => pem).join(''));
    expect(await verify('-CAfile', trust, server())).toMatchObject({ code: 0 });
  };
  await check();
  await store.introduce(await newAuthority('cellar', NOW, 'word'));
  await make();
  await check();
  await store.replace();
  await check();
  await make();
  await check();
  await store.settle();
  await check();
});
