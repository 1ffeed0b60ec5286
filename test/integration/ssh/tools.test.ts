import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateKeyPair } from '../../../src/ssh/keys.js';
import { formatKnownHost, parsePublicKey } from '../../../src/ssh/known-hosts.js';
import { renderSshConfig } from '../../../src/ssh/ssh-config.js';
import { Sshd } from './sshd.js';

let sshd: Sshd;
let directory: string;
let config: string;

beforeAll(async () => {
  sshd = await Sshd.create();
  // A place with everything that needs quoting, as a user's project may have.
  directory = join(sshd.directory, 'my "project" 100% #1\\');
  mkdirSync(directory);
  const identityFile = join(directory, 'id_ed25519');
  const knownHostsFile = join(directory, 'known_hosts');
  copyFileSync(sshd.identityFile, identityFile);
  copyFileSync(sshd.knownHostsFile, knownHostsFile);
  config = join(sshd.directory, 'ssh_config');
  const { address, port, user } = sshd.target;
  const files = { identityFiles: [identityFile], identitiesOnly: true, knownHostsFiles: [knownHostsFile] };
  writeFileSync(
    config,
    renderSshConfig([
      { name: 'core-01', address, port, user, ...files },
      { name: 'behind', address, port, user, ...files, jump: 'jump-1.coreup' },
      { name: 'jump-1.coreup', address, port, user, ...files },
    ]),
  );
});

afterAll(async () => {
  await sshd.remove();
});

const tool = (command: string, ...args: string[]) => execFileSync(command, args, { encoding: 'utf8' });

describe('OpenSSH’s own tools with the rendered config', () => {
  test('ssh', () => {
    expect(tool('ssh', '-F', config, '-o', 'BatchMode=yes', 'core-01', 'echo hello')).toBe('hello\n');
  });

  test('ssh through a jump host', () => {
    const args = ['-F', config, '-o', 'BatchMode=yes', 'behind', 'echo "$SSH_CONNECTION" | cut -d" " -f1,4'];
    expect(tool('ssh', ...args)).toBe(`127.0.0.1 ${sshd.port}\n`);
  });

  test('scp', () => {
    writeFileSync(join(sshd.directory, 'up'), 'content');
    tool('scp', '-q', '-F', config, join(sshd.directory, 'up'), `core-01:${join(sshd.directory, 'copied')}`);
    expect(readFileSync(join(sshd.directory, 'copied'), 'utf8')).toBe('content');
  });

  test('rsync', () => {
    writeFileSync(join(sshd.directory, 'up'), 'content');
    tool('rsync', '-e', `ssh -F ${config}`, join(sshd.directory, 'up'), `core-01:${join(sshd.directory, 'synced')}`);
    expect(readFileSync(join(sshd.directory, 'synced'), 'utf8')).toBe('content');
  });

  test('a changed host key is refused', async () => {
    const other = parsePublicKey((await generateKeyPair('other')).publicKey) as Buffer;
    writeFileSync(join(directory, 'known_hosts'), formatKnownHost('127.0.0.1', sshd.port, other));
    expect(() =>
      execFileSync('ssh', ['-F', config, '-o', 'BatchMode=yes', 'core-01', 'true'], {
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    ).toThrow(/Host key verification failed/);
  });
});
