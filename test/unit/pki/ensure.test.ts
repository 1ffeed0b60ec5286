import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensurePki, newAuthority, type EnsureOptions, type Wanted } from '../../../src/pki/ensure.js';
import { PkiStore } from '../../../src/pki/store.js';

const NOW = new Date('2026-06-01T12:00:00.500Z');
const DAY = 86_400_000;
const NAMES = ['core-01', 'localhost', '127.0.0.1', '::1', '10.1.0.1'];
const WANTED: readonly Wanted[] = [
  { kind: 'client', names: [] },
  { member: 'core-01', kind: 'server', names: NAMES },
  { member: 'core-01', kind: 'peer', names: NAMES },
  { member: 'core-02', kind: 'server', names: ['core-02', '10.1.0.2'] },
];

let directory: string;
let store: PkiStore;
let notes: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coreup-pki-'));
  store = new PkiStore(join(directory, 'pki'));
  notes = [];
});
afterEach(() => rm(directory, { recursive: true, force: true }));

function ensure(more: Partial<EnsureOptions> = {}, wanted = WANTED): ReturnType<typeof ensurePki> {
  return ensurePki(store, wanted, {
    cluster: 'cellar',
    now: NOW,
    passphrase: () => Promise.resolve(undefined),
    newPassphrase: () => Promise.resolve(undefined),
    note: (text) => notes.push(text),
    running: false,
    ...more,
  });
}

/** Every file of the store with its bytes. */
async function contents(): Promise<Record<string, string>> {
  const names = (await readdir(store.directory, { recursive: true, withFileTypes: true })).filter((e) => e.isFile());
  const read = names.map(async ({ parentPath, name }) => {
    const path = join(parentPath, name);
    return [path, await readFile(path, 'utf8')] as const;
  });
  return Object.fromEntries(await Promise.all(read));
}

it('makes an authority and certificates with the asked names, all of them private, once', async () => {
  const { authorities, entries } = await ensure();
  expect(authorities).toMatchObject({
    stage: 'settled',
    trusted: [{ subject: authorities.issuer.certificate.subject }],
  });
  expect(entries.map(({ certificate }) => certificate.names)).toEqual([
    [],
    ['10.1.0.1', '127.0.0.1', '::1', 'core-01', 'localhost'],
    ['10.1.0.1', '127.0.0.1', '::1', 'core-01', 'localhost'],
    ['10.1.0.2', 'core-02'],
  ]);
  for (const { certificate } of entries) expect(certificate.isFrom(authorities.issuer.certificate)).toBe(true);
  expect(new Set(entries.map(({ key }) => key)).size).toBe(entries.length);
  for (const path of [store.directory, ...Object.keys(await contents())]) {
    expect((await stat(path)).mode & 0o077).toBe(0);
  }
  const before = await contents();
  await ensure();
  expect(await contents()).toEqual(before);
  expect(notes).toEqual([]);
});

it('completes what an interruption has left half made, and replaces what cannot be read', async () => {
  await ensure();
  const before = await contents();
  await rm(store.pathOf({ member: 'core-01', kind: 'peer' }));
  await writeFile(store.pathOf({ member: 'core-01', kind: 'server' }), '-----BEGIN CERTIFICATE-----\n');
  const { entries } = await ensure();
  expect(entries).toHaveLength(WANTED.length);
  const after = await contents();
  const changed = Object.keys(after).filter((path) => after[path] !== before[path]);
  expect(changed.map((path) => path.slice(store.directory.length + 1)).sort()).toEqual([
    'members/core-01/peer.pem',
    'members/core-01/server.pem',
  ]);
});

it('renews what gets other names, and what has less than a month left, and says why', async () => {
  const { entries: first } = await ensure();
  const moved = WANTED.map((wanted) =>
    wanted.member === 'core-02' ? { ...wanted, names: ['core-02', '10.1.0.9'] } : wanted,
  );
  const { entries: second } = await ensure({}, moved);
  expect(second.map((entry, at) => entry.key === first[at]?.key)).toEqual([true, true, true, false]);
  expect(notes).toEqual(['core-02: the server certificate is renewed: it has other names']);
  notes = [];
  await ensure({ now: new Date(NOW.getTime() + 334 * DAY) }, moved);
  expect(notes).toEqual([]);
  const { entries: late } = await ensure({ now: new Date(NOW.getTime() + 340 * DAY) }, moved);
  expect(late.every((entry, at) => entry.key !== second[at]?.key)).toBe(true);
  expect(notes).toContain('core-01: the peer certificate is renewed: it ends in 24 days');
});

it('renews on demand, and goes on with it after an interruption', async () => {
  const { entries: first } = await ensure();
  const later = new Date(NOW.getTime() + 5 * DAY);
  await store.setRenewal({ since: later, members: ['core-01'] });
  const { entries: second } = await ensure({ now: later });
  expect(second.map((entry, at) => entry.key === first[at]?.key)).toEqual([true, false, false, true]);
  const { entries: third } = await ensure({ now: new Date(later.getTime() + 60_000) });
  expect(third.map(({ key }) => key)).toEqual(second.map(({ key }) => key));
});

it('never makes a second authority for a cluster that runs', async () => {
  await expect(ensure({ running: true })).rejects.toMatchObject({ code: 'PKI_LOST' });
  await ensure();
  await ensure({ running: true });
});

describe('a protected authority', () => {
  const passphrase = (words: readonly string[], asked: boolean[] = []) => ({
    passphrase: (again: boolean): Promise<string | undefined> => {
      asked.push(again);
      return Promise.resolve(words[asked.length - 1]);
    },
    newPassphrase: () => Promise.resolve('right'),
  });

  it('asks until the passphrase is right, and asks nobody where nothing is to be signed', async () => {
    const asked: boolean[] = [];
    await ensure(passphrase(['wrong', 'right'], asked));
    expect(asked).toEqual([false, true]);
    const text = await readFile(join(store.directory, 'ca.pem'), 'utf8');
    expect(text).toContain('BEGIN ENCRYPTED PRIVATE KEY');
    await ensure(passphrase([], asked));
    expect(asked).toHaveLength(2);
  });

  it('gives up where nobody knows it', async () => {
    await expect(ensure(passphrase([]))).rejects.toMatchObject({ code: 'PKI_PASSPHRASE' });
    await expect(ensure(passphrase(['a', 'b', 'c', 'right']))).rejects.toMatchObject({ code: 'PKI_PASSPHRASE' });
  });
});

describe('a change of the authority', () => {
  it('trusts both, then signs anew, then forgets the old one; each stage stays as it is until the next', async () => {
    const first = await ensure();
    await store.introduce(await newAuthority('cellar', NOW, undefined));
    const introduced = await ensure();
    expect(introduced.authorities).toMatchObject({ stage: 'introduced' });
    expect(introduced.authorities.trusted).toHaveLength(2);
    expect(introduced.entries.map(({ key }) => key)).toEqual(first.entries.map(({ key }) => key));

    await store.replace();
    const replaced = await ensure();
    expect(replaced.authorities).toMatchObject({ stage: 'replaced' });
    expect(replaced.authorities.trusted).toHaveLength(2);
    expect(replaced.entries.every((entry, at) => entry.key !== first.entries[at]?.key)).toBe(true);
    expect(store.credentials().ca.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);

    await store.settle();
    const settled = await ensure();
    expect(settled.authorities).toMatchObject({ stage: 'settling' });
    await store.settled();
    expect((await ensure()).authorities).toMatchObject({ stage: 'settled' });
    expect(settled.entries.map(({ key }) => key)).toEqual(replaced.entries.map(({ key }) => key));
    expect(settled.entries[0]?.certificate.isFrom(first.authorities.issuer.certificate)).toBe(false);
  });

  it('counts as introduced where it was cut off between its two files', async () => {
    const { authorities } = await ensure();
    await store.introduce(await newAuthority('cellar', NOW, undefined));
    await writeFile(join(store.directory, 'ca-old.pem'), authorities.issuer.certificate.pem);
    expect(await store.authorities()).toMatchObject({ stage: 'introduced' });
    await store.replace();
    expect(await store.authorities()).toMatchObject({ stage: 'replaced' });
  });
});

it('has no credentials before the first run, and says what makes them', () => {
  expect(() => store.credentials()).toThrow(expect.objectContaining({ code: 'PKI_MISSING' }));
});
