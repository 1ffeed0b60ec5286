import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { create } from 'tar';
import { obtainPrograms, type Obtain } from '../../../src/sources/obtain.js';
import { CoreupError, InputError } from '../../../src/util/errors.js';
import { temporary } from '../plan/support.js';

const MARK = 'example.com/fleet';
const WANTED = [
  { name: 'fleetd', mark: MARK },
  { name: 'fleetctl', mark: MARK },
];

/** The smallest file with a sound ELF header. */
function elf({ machine = 62, type = 2, interpreter = '', text = MARK } = {}): Buffer {
  const header = Buffer.alloc(64 + 56);
  header.write('\x7fELF', 0, 'latin1');
  header.set([2, 1, 1], 4);
  header.writeUInt16LE(type, 16);
  header.writeUInt16LE(machine, 18);
  header.writeBigUInt64LE(64n, 32);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(1, 56);
  header.writeUInt32LE(interpreter === '' ? 1 : 3, 64);
  header.writeBigUInt64LE(BigInt(header.length), 64 + 8);
  header.writeBigUInt64LE(BigInt(interpreter.length + 1), 64 + 32);
  return Buffer.concat([header, Buffer.from(`${interpreter}\0${text}\n`)]);
}

function directory(files: Readonly<Record<string, string | Buffer>>): string {
  const root = temporary();
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return root;
}

async function archive(files: Readonly<Record<string, string | Buffer>>): Promise<string> {
  const file = join(temporary(), 'fleet.tar.gz');
  await create({ cwd: directory(files), gzip: true, file }, ['.']);
  return file;
}

const obtain = (source: Obtain['source'], more: Partial<Obtain> = {}) =>
  obtainPrograms({ key: 'fleet.source', source, wanted: WANTED, cache: join(temporary(), 'cache'), ...more });

async function refusal(work: Promise<unknown>): Promise<CoreupError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof CoreupError) return error;
    throw error;
  }
  throw new Error('it was taken');
}

describe('a directory', () => {
  it('gives its programs with digest, machine and loader', async () => {
    const interpreter = '/lib64/ld-linux-x86-64.so.2';
    const [fleetd, fleetctl] = await obtain(directory({ fleetd: elf(), fleetctl: elf({ interpreter }) }));
    expect(fleetd).toMatchObject({ name: 'fleetd', machine: 'x86_64' });
    expect(fleetd).not.toHaveProperty('interpreter');
    expect(fleetd?.sha256).toBe(createHash('sha256').update(elf()).digest('hex'));
    expect(fleetctl).toMatchObject({ name: 'fleetctl', machine: 'x86_64', interpreter });
  });

  it('may have them one level down, and the upper one wins', async () => {
    const [fleetd] = await obtain(
      directory({ fleetd: elf(), 'bin/fleetd': elf({ machine: 183 }), 'bin/fleetctl': elf() }),
    );
    expect(fleetd?.machine).toBe('x86_64');
  });

  it.each([
    ['that is empty', {}, 'has no fleetd: it is empty'],
    ['of something else', { etcd: elf(), README: '' }, 'has no fleetd: it has README, etcd'],
    ['with one of two', { fleetd: elf() }, 'has no fleetctl: it has fleetd'],
    ['with two of one', { 'a/fleetd': elf(), 'b/fleetd': elf() }, 'has more than one fleetd: a/fleetd and b/fleetd'],
    ['with a script', { fleetd: '#!/bin/sh\n', fleetctl: elf() }, 'fleetd in .* is no program: it is no ELF file'],
    ['with a library', { fleetd: elf({ type: 1 }), fleetctl: elf() }, 'is no program'],
    ['with half a header', { fleetd: elf().subarray(0, 80), fleetctl: elf() }, 'is no program'],
    ['with half a program', { fleetd: elf().subarray(0, 120), fleetctl: elf() }, 'is no program'],
    ['with another program', { fleetd: elf({ text: 'etcd' }), fleetctl: elf() }, 'is a program, but not fleetd'],
  ])('%s is refused', async (_, files, message) => {
    const error = await refusal(obtain(directory(files)));
    expect(error).toBeInstanceOf(InputError);
    expect(error.code).toBe('SOURCE_UNFIT');
    expect(error.message).toMatch(new RegExp(message));
  });
});

describe('an archive', () => {
  const release = { 'fleet-v1/fleetd': elf(), 'fleet-v1/fleetctl': elf(), 'fleet-v1/README.md': 'x' };

  it('is unpacked once', async () => {
    const file = await archive(release);
    const cache = temporary();
    const first = await obtain(file, { cache });
    const [sum = ''] = readdirSync(join(cache, 'programs'));
    expect(sum).toBe(createHash('sha256').update(readFileSync(file)).digest('hex'));
    // What is kept is what is used the next time.
    writeFileSync(join(cache, 'programs', sum, 'fleetd'), elf({ machine: 183 }));
    const second = await obtain(file, { cache });
    expect([first[0]?.machine, second[0]?.machine]).toEqual(['x86_64', 'aarch64']);
  });

  it('of something else is refused with what is in it', async () => {
    const error = await refusal(obtain(await archive({ 'etcd-v3/etcd': elf() })));
    expect(error.message).toMatch(/fleet\.tar\.gz has no fleetd: it has .*etcd-v3\/etcd/);
  });

  it('that is cut off is refused at any place', async () => {
    const whole = readFileSync(
      await archive({ ...release, noise: Buffer.from(Array.from({ length: 9000 }, (_, i) => (i * 7919) % 251)) }),
    );
    for (const share of [0.2, 0.5, 0.9, 0.99]) {
      const file = join(temporary(), 'cut.tar.gz');
      writeFileSync(file, whole.subarray(0, Math.floor(whole.length * share)));
      expect(await refusal(obtain(file))).toMatchObject({ code: 'SOURCE_UNREADABLE', exitCode: 2 });
    }
  });

  it.each([
    ['text', Buffer.from('hello')],
    ['an empty file', Buffer.alloc(0)],
    ['a zip', Buffer.from('PK\x03\x04')],
    ['gzip of something', gzipSync('hello')],
  ])('that is %s is refused', async (_, content) => {
    const file = join(temporary(), 'fleet.tar.gz');
    writeFileSync(file, content);
    expect(await refusal(obtain(file))).toBeInstanceOf(InputError);
  });
});

it('a path that is not there is refused by its key', async () => {
  const error = await refusal(obtain('/nowhere/fleet'));
  expect(error.message).toBe(
    "fleet.source is /nowhere/fleet, which cannot be read: ENOENT: no such file or directory, stat '/nowhere/fleet'",
  );
});

const PROXIES = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'];

describe('a URL', () => {
  let server: Server | undefined;
  const environment = { ...process.env };
  beforeEach(() => {
    for (const name of PROXIES) Reflect.deleteProperty(process.env, name);
  });
  afterEach(() => void Object.assign(process.env, environment));
  afterEach(() => new Promise((done) => (server ? server.close(done) : done(undefined))));

  async function serve(content: Buffer, status = 200) {
    const asked: string[] = [];
    server = createServer((request, response) => {
      asked.push(request.url ?? '');
      if (request.url === '/latest') response.writeHead(302, { location: '/fleet.tar.gz' }).end();
      else response.writeHead(status).end(content);
    });
    await new Promise<void>((done) => server?.listen(0, '127.0.0.1', done));
    const sha256 = createHash('sha256').update(content).digest('hex');
    const { port } = server.address() as AddressInfo;
    const origin = `http://127.0.0.1:${port}`;
    return { origin, url: `${origin}/fleet.tar.gz`, asked, sha256 };
  }
  const release = async (): Promise<Buffer> => readFileSync(await archive({ fleetd: elf(), fleetctl: elf() }));

  it('with its sum is downloaded once', async () => {
    const { url, sha256, asked } = await serve(await release());
    const cache = temporary();
    for (const sum of [sha256, sha256.toUpperCase()]) {
      expect(await obtain({ url, sha256: sum }, { cache })).toHaveLength(2);
    }
    expect(asked).toEqual(['/fleet.tar.gz']);
  });

  it('may lead to another, as those of releases do', async () => {
    const { origin, sha256, asked } = await serve(await release());
    expect(await obtain({ url: `${origin}/latest`, sha256 })).toHaveLength(2);
    expect(asked).toEqual(['/latest', '/fleet.tar.gz']);
  });

  it('is asked for through the proxy of the environment', async () => {
    const { origin, sha256, asked } = await serve(await release());
    const url = 'http://releases.example.com/fleet.tar.gz';
    process.env['HTTP_PROXY'] = origin;
    expect(await obtain({ url, sha256 })).toHaveLength(2);
    expect(asked).toEqual([url]);
    process.env['NO_PROXY'] = 'releases.example.com';
    expect(await refusal(obtain({ url, sha256 }))).toMatchObject({ code: 'SOURCE_DOWNLOAD' });
    process.env['HTTP_PROXY'] = 'proxy.example.com:x';
    expect(await refusal(obtain({ url, sha256 }))).toMatchObject({ code: 'PROXY_UNUSABLE' });
  });

  it('with another sum is refused with both, and not kept', async () => {
    const { url, sha256 } = await serve(await release());
    const cache = temporary();
    const error = await refusal(obtain({ url, sha256: '0'.repeat(64) }, { cache }));
    expect(error.message).toBe(`${url} has the sha256 ${sha256}, not ${'0'.repeat(64)}`);
    expect(readdirSync(join(cache, 'downloads'))).toEqual([]);
  });

  it('without a sum is refused without a request', async () => {
    const { url, asked } = await serve(await release());
    const error = await refusal(obtain(url));
    expect(error.code).toBe('SOURCE_UNPINNED');
    expect(error.hint).toMatch(/--trust-first-use/);
    expect(asked).toEqual([]);
  });

  it('may be trusted once; then only these bytes are taken', async () => {
    const { url, sha256 } = await serve(await release());
    const pins: string[][] = [];
    const onPin = (...pin: string[]): Promise<void> => Promise.resolve(void pins.push(pin));
    await obtain({ url }, { trust: true, onPin });
    expect(pins).toEqual([[url, sha256]]);
    expect(await refusal(obtain({ url }, { pinned: '1'.repeat(64) }))).toMatchObject({ code: 'SOURCE_CHECKSUM' });
    expect(await obtain({ url }, { pinned: sha256 })).toHaveLength(2);
  });

  it('of what is no fleet is not pinned', async () => {
    const { url } = await serve(Buffer.from('<html>'));
    let pinned = false;
    const onPin = (): Promise<void> => Promise.resolve(void (pinned = true));
    expect(await refusal(obtain(url, { trust: true, onPin }))).toMatchObject({ code: 'SOURCE_UNREADABLE' });
    expect(pinned).toBe(false);
  });

  it('that fails says how', async () => {
    const { url } = await serve(Buffer.from('gone'), 404);
    expect((await refusal(obtain({ url, sha256: '0'.repeat(64) }))).message).toMatch(
      /^cannot download .*: the server answered 404/,
    );
    const error = await refusal(obtain({ url: 'http://127.0.0.1:1/x', sha256: '0'.repeat(64) }));
    expect(error.message).toMatch(/^cannot download http:\/\/127\.0\.0\.1:1\/x: /);
    expect(error.exitCode).toBe(1);
  });
});
