import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { buildCluster } from '../dist/cluster/build.js';
import { LocalProvider } from '../dist/providers/local/provider.js';
import { memberAddress } from '../dist/providers/local/subnet.js';
import { generateKeyPair } from '../dist/ssh/keys.js';
import { pinKnownHosts } from '../dist/ssh/known-hosts-file.js';
import { succeed } from './measure.mjs';

const SUBNET = '172.17.8.0/24';
const quiet = () => undefined;

/**
 * Boots bare hosts, equal ones on every call, and waits until they have nothing more to do.
 *
 * @param {string} scratch a directory for what belongs to them
 * @param {number} count
 * @returns what `by-hand.sh`, Ansible and a config.ts need to take them, and `dispose`
 */
export async function bootHosts(scratch, count) {
  const directory = await mkdtemp(join(scratch, 'hosts-'));
  const addresses = Array.from({ length: count }, (_, position) => memberAddress(SUBNET, position + 1));
  const cluster = buildCluster({
    name: `bench-${process.pid}`,
    prefix: 'core',
    etcdMembers: count,
    placements: addresses.map((address) => ({ publicIpv4: address, privateIpv4: address })),
    metadata: {},
  });
  const pair = await generateKeyPair('bench');
  const identityFile = join(directory, 'id');
  await writeFile(identityFile, pair.privateKey, { mode: 0o600 });
  const provider = new LocalProvider({
    cluster: cluster.name,
    project: directory,
    subnet: SUBNET,
    authorizedKey: pair.publicKey,
    identityFile,
    dataDir: join(directory, 'data'),
    // For Ansible.
    image: { suite: 'bookworm', packages: ['python3'] },
  });
  const problems = await provider.check(cluster);
  if (problems.length > 0) throw new Error(problems.map((problem) => problem.message).join('\n'));
  const names = cluster.members.map((member) => member.name);
  const dispose = async () => {
    await provider.remove(names, quiet);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await provider.ensure(cluster, quiet);
    const known = await provider.knownHosts(cluster);
    await pinKnownHosts(join(directory, 'known_hosts'), known);
    await writeFile(join(directory, 'hosts'), names.map((name, i) => `${name} ${addresses[i]}\n`).join(''));
    await layOutInventory(directory, names, addresses);
    await Promise.all(addresses.map((address) => settled(directory, address)));
    const keys = new Map(known.map(({ address, key }) => [address, `ssh-ed25519 ${key.toString('base64')}`]));
    const hosts = addresses.map((address) => ({
      address,
      user: 'core',
      identity_file: identityFile,
      host_key: keys.get(address),
    }));
    return {
      directory,
      count,
      /** Text of `provider: …` in a config.ts. */
      providerConfig: `{ kind: 'ssh', hosts: ${JSON.stringify(hosts)} }`,
      dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** What Ansible needs: where the hosts are, and how to log in. */
async function layOutInventory(directory, names, addresses) {
  const login = `ansible_user=core ansible_ssh_private_key_file=${join(directory, 'id')}`;
  const options = `-o IdentitiesOnly=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile=${join(directory, 'known_hosts')}`;
  const lines = names.map((name, at) => `${name} ansible_host=${addresses[at]} ${login}`);
  const variables = [`ansible_ssh_common_args='${options}'`, `files=${join(directory, 'files')}`];
  await writeFile(join(directory, 'inventory'), [...lines, '[all:vars]', ...variables, ''].join('\n'));
  await copyFile(new URL('ansible/ansible.cfg', import.meta.url), join(directory, 'ansible.cfg'));
}

/** A host that still boots would slow down whoever comes first. */
async function settled(directory, address) {
  const deadline = Date.now() + 60_000;
  for (;;) {
    try {
      await ask(directory, address, 'systemctl is-system-running --wait || true');
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await delay(200); // sshd is not up yet
    }
  }
}

/** What a command on a host prints. */
export async function ask(directory, address, command) {
  const options = ['IdentitiesOnly=yes', 'StrictHostKeyChecking=yes', 'UserKnownHostsFile=known_hosts'];
  const args = ['-i', 'id', ...options.flatMap((option) => ['-o', option]), `core@${address}`, command];
  return (await succeed('ssh', args, { cwd: directory })).output;
}

/** Lays files out for `by-hand.sh`, by host and path. */
export async function layOut(hosts, filesByName) {
  for (const [name, files] of filesByName) {
    for (const [path, content] of files) {
      const target = join(hosts.directory, 'files', name, path);
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, content);
    }
  }
}
