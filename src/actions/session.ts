import { readFile } from 'node:fs/promises';
import type { Provider } from '../providers/port.js';
import type { HostKeyQuestion } from '../ssh/host-trust.js';
import type { Pin } from '../ssh/known-hosts-file.js';
import type { Ssh } from '../ssh/port.js';
import { writeFileAtomic } from '../util/fs.js';
import { clientConfigOf, destinationOf } from './destination.js';
import type { Project } from './project.js';

const KEY = 'id_ed25519';

/** The provider that config.ts asks for. The project's own key is used, and made where it is missing and `make` says so. */
export async function openProvider(project: Project, make: boolean): Promise<Provider> {
  const { config, directory, state, cluster } = project;
  const { provider, discovery } = config;
  if (provider.kind === 'ssh') {
    const { SshProvider } = await import('../providers/ssh.js');
    return new SshProvider(provider.hosts.map(destinationOf), await clientConfigOf(config));
  }
  const { LocalProvider } = await import('../providers/local/provider.js');
  return new LocalProvider({
    cluster: cluster.name,
    project: directory,
    image: { suite: provider.suite, packages: provider.packages ?? [] },
    subnet: provider.subnet,
    authorizedKey: await projectKey(project, make),
    identityFile: state.file(KEY),
    ...(discovery.mode === 'dns' && discovery.managed === true ? { nameServer: await recordsOf(project) } : {}),
  });
}

/** Rendered only when they are asked for: most commands only need to reach hosts. */
async function recordsOf(project: Project): Promise<() => string> {
  const { managedRecords } = await import('./dns.js');
  return () => managedRecords(project);
}

/** @returns the public half of the project's own key, '' where there is none yet */
async function projectKey({ state, cluster }: Project, make: boolean): Promise<string> {
  const publicFile = state.file(`${KEY}.pub`);
  try {
    return (await readFile(publicFile, 'utf8')).trim();
  } catch {
    if (!make) return '';
  }
  const { generateKeyPair } = await import('../ssh/keys.js');
  const pair = await generateKeyPair(`coreup ${cluster.name}`);
  await state.ensure();
  // The public half last: where it is, both are.
  await writeFileAtomic(state.file(KEY), pair.privateKey, 0o600);
  await writeFileAtomic(publicFile, `${pair.publicKey}\n`, 0o644);
  return pair.publicKey;
}

/** A way to the hosts that knows the keys pinned for this project, and asks where there is a terminal. */
export async function openSsh(project: Project): Promise<Ssh> {
  const { createSsh } = await import('../ssh/client.js');
  const { sudoPasswordFromFile } = await import('./secrets.js');
  const terminal = process.stdin.isTTY && process.stderr.isTTY;
  return createSsh({
    knownHostsFile: project.state.file('known_hosts'),
    acceptNew: project.config.ssh.accept_new,
    ...(terminal ? { confirm: confirmHostKey, askSecret } : {}),
    sudoPassword: () => sudoPasswordFromFile(),
  });
}

async function askSecret(question: string): Promise<string> {
  const { askSecret: ask } = await import('../report/secret.js');
  return ask(question);
}

async function confirmHostKey({ target, fingerprint, type, flaw }: HostKeyQuestion): Promise<boolean> {
  const { confirm } = await import('../report/confirm.js');
  const { describeTarget } = await import('../ssh/errors.js');
  return confirm(
    `${describeTarget(target)} is seen for the first time, with the ${type} key ${fingerprint}.\n` +
      (flaw === undefined ? '' : `Mind: ${flaw}.\n`) +
      'Compare it on the host: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub. Trust this key from now on?',
  );
}

/** Pins host keys that are known before the first contact. */
export async function pinHostKeys(project: Project, pins: readonly Pin[]): Promise<void> {
  if (pins.length === 0) return;
  const { pinKnownHosts } = await import('../ssh/known-hosts-file.js');
  await project.state.ensure();
  await pinKnownHosts(project.state.file('known_hosts'), pins);
}
