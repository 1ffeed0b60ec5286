import { describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { renderSshConfig, type SshConfigEntry } from '../../../src/ssh/ssh-config.js';

const entry = (changes: Partial<SshConfigEntry> = {}): SshConfigEntry => ({
  name: 'core-01',
  address: '172.17.8.101',
  port: 22,
  user: 'core',
  identityFiles: ['/p/.coreup/id_ed25519'],
  identitiesOnly: true,
  knownHostsFiles: ['/p/.coreup/known_hosts'],
  ...changes,
});

/** What OpenSSH itself makes of it. */
function asSshReads(entries: readonly SshConfigEntry[], name: string): Map<string, string[]> {
  const directory = mkdtempSync(join(tmpdir(), 'coreup-config-'));
  try {
    const file = join(directory, 'ssh config');
    writeFileSync(file, renderSshConfig(entries));
    const settings = new Map<string, string[]>();
    for (const line of execFileSync('ssh', ['-G', '-F', file, '--', name], { encoding: 'utf8' }).split('\n')) {
      const [, key, value] = /^(\S+) (.*)$/.exec(line) ?? [];
      if (key !== undefined && value !== undefined) settings.set(key, [...(settings.get(key) ?? []), value]);
    }
    return settings;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test('is readable text', () => {
  expect(renderSshConfig([entry(), entry({ name: 'core-02', address: '172.17.8.102', port: 2222 })]))
    .toMatchInlineSnapshot(`
   "Host core-01
     HostName 172.17.8.101
     Port 22
     User core
     IdentityFile /p/.coreup/id_ed25519
     IdentitiesOnly yes
     UserKnownHostsFile /p/.coreup/known_hosts
     StrictHostKeyChecking yes
     LogLevel ERROR

   Host core-02
     HostName 172.17.8.102
     Port 2222
     User core
     IdentityFile /p/.coreup/id_ed25519
     IdentitiesOnly yes
     UserKnownHostsFile /p/.coreup/known_hosts
     StrictHostKeyChecking yes
     LogLevel ERROR
   "
  `);
});

describe('ssh -G reads it back', () => {
  test('each host its own', () => {
    const entries = [entry(), entry({ name: 'core-02', address: 'fe80::2', port: 2222, user: 'root' })];
    const settings = asSshReads(entries, 'core-02');
    expect(settings.get('hostname')).toEqual(['fe80::2']);
    expect(settings.get('port')).toEqual(['2222']);
    expect(settings.get('user')).toEqual(['root']);
    expect(settings.get('identitiesonly')).toEqual(['yes']);
    expect(settings.get('identityfile')).toEqual(['/p/.coreup/id_ed25519']);
    expect(settings.get('stricthostkeychecking')).toEqual(['true']);
    expect(asSshReads(entries, 'core-01').get('hostname')).toEqual(['172.17.8.101']);
  });

  // ssh -G prints IdentityFile before %-expansion, but UserKnownHostsFile and the rest as they are used.
  test.each([
    '/with space/key',
    '/with "quotes"/key',
    "/with 'single'/key",
    '/with\\backslash/key',
    '/with\\\\two/and\\"both/key',
    '/with#hash/key',
    '/with # hash/key',
    '/with=equals/key',
    '/with$dollar/key',
    '/ümläut/key',
    '/trailing space ',
  ])('a path %s', (path) => {
    expect(asSshReads([entry({ identityFiles: [path] })], 'core-01').get('identityfile')).toEqual([path]);
  });

  test('jump hosts, agents, aliases and several known_hosts', () => {
    const jump = entry({ name: 'jump-1.coreup', address: '10.0.0.9' });
    const settings = asSshReads(
      [
        entry({
          jump: 'jump-1.coreup',
          agent: false,
          alias: 'db',
          knownHostsFiles: ['/p/one', '/p/two'],
          revoked: '/p/revoked',
        }),
        jump,
      ],
      'core-01',
    );
    const said = ['proxyjump', 'identityagent', 'hostkeyalias', 'userknownhostsfile', 'revokedhostkeys'];
    expect(said.map((key) => settings.get(key))).toEqual(
      ['jump-1.coreup', 'none', 'db', '/p/one /p/two', '/p/revoked'].map((value) => [value]),
    );
  });

  test('a zone in an address', () => {
    expect(asSshReads([entry({ address: 'fe80::1%eth0' })], 'core-01').get('hostname')).toEqual(['fe80::1%eth0']);
  });

  test('without an identity file ssh tries its usual ones', () => {
    const settings = asSshReads([entry({ identityFiles: [], identitiesOnly: false })], 'core-01');
    expect(settings.get('identitiesonly')).toEqual(['no']);
    expect(settings.get('identityfile')?.some((file) => file.startsWith('~/.ssh') || file.startsWith(homedir()))).toBe(
      true,
    );
  });
});

test.each([{ identityFiles: ['/a\nb'] }, { name: 'a\nHost b' }, { identityFiles: ['/a/${HOME}/b'] }])(
  'refuses %j',
  (changes) => {
    expect(() => renderSshConfig([entry(changes)])).toThrow(RangeError);
  },
);
