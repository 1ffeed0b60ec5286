import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { createSsh } from '../../../src/ssh/client.js';
import type { Ssh } from '../../../src/ssh/port.js';
import { containing } from './matchers.js';
import { Sshd } from './sshd.js';

/**
 * Needs to be root and a user who may log in; none is made for it. `sudo` here is a script of ours that says what the
 * real one says: the real one is for the end-to-end tests, on hosts that have it.
 */
const user = readFileSync('/etc/passwd', 'utf8')
  .split('\n')
  .map((line) => line.split(':'))
  .find(([, , uid = '', , , , shell = '']) => Number(uid) >= 1000 && /\/(ba|da)?sh$/.test(shell))?.[0];
const possible = userInfo().uid === 0 && user !== undefined;

let sshd: Sshd;
let ssh: Ssh;

beforeAll(async () => {
  sshd = await Sshd.create({ config: ['UsePAM yes'] }); // without PAM a user without password counts as locked;
  chmodSync(sshd.directory, 0o755);
  chmodSync(join(sshd.directory, 'authorized_keys'), 0o644);
  ssh = createSsh({ knownHostsFile: sshd.knownHostsFile, agent: false });
});
afterAll(async () => {
  await ssh.close();
  await sshd.remove();
});

(possible ? test : test.skip)('sudo is used, and its refusal told apart from the script’s failure', async () => {
  const sudo = (script: string) => {
    writeFileSync(join(sshd.directory, 'sudo'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  };
  const connection = await ssh.connect({ ...sshd.target, user: user ?? '' }, { deadline: 10_000 });
  const run = () => connection.run({ text: 'echo "as root: $VIA"; exit 3', sudo: true });

  sudo('echo "sudo: a password is required" >&2; exit 1');
  await expect(run()).rejects.toMatchObject({ code: 'SSH_SUDO', member: 'core-01', hint: containing('sudoers') });

  sudo('[ "$1 $2" = "-n --" ] || exit 99; shift 2; exec env VIA=sudo "$@"');
  expect(await run()).toMatchObject({ code: 3, stdout: Buffer.from('as root: sudo\n') });
  expect((await connection.run({ text: 'echo "$VIA"' })).stdout.toString()).toBe('\n');
});
