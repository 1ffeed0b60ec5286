import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { quote } from '../../../src/util/shell.js';
import type { BareHosts } from './hosts.js';
import { TestProject } from './project.js';

/** The user `admin`, who logs in with a protected key and has a password for sudo. */
export interface Admin {
  /** Path of the private key. */
  readonly key: string;
  /** The directory of the key, outside of any project that is looked at. */
  readonly directory: string;
  /** What each host's sshd says of itself, as in known_hosts. */
  readonly hostKeys: readonly string[];
}

/** Makes the user on each of the hosts, with the login that they have. */
export async function makeAdmin(
  hosts: BareHosts,
  { passphrase, password }: { readonly passphrase: string; readonly password: string },
): Promise<Admin> {
  const setup = await TestProject.create(`{ cluster_name: 'setup', provider: ${hosts.providerConfig} }`);
  const key = join(setup.directory, 'admin');
  await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', passphrase, '-f', key]);
  const script = [
    'useradd --create-home --shell /bin/bash admin',
    'chpasswd',
    "echo 'admin ALL=(ALL) ALL' >/etc/sudoers.d/admin",
    'install -d -m 700 -o admin -g admin /home/admin/.ssh',
    `echo ${quote((await readFile(`${key}.pub`, 'utf8')).trim())} >/home/admin/.ssh/authorized_keys`,
  ].join(' && ');
  const hostKeys: string[] = [];
  for (const { name } of hosts.cluster.members) {
    const { code, stderr } = await setup.coreup(['ssh', name, '--', `sudo sh -c ${quote(script)}`], {
      input: `admin:${password}\n`,
    });
    if (code !== 0) throw new Error(stderr);
    hostKeys.push((await setup.coreup(['ssh', name, '--', 'cat /etc/ssh/ssh_host_ed25519_key.pub'])).stdout);
  }
  return { key, directory: setup.directory, hostKeys };
}
