import { readFile } from 'node:fs/promises';
import type { Provider } from '../providers/port.js';
import type { Ssh, SshTarget } from '../ssh/port.js';
import { writeFileAtomic } from '../util/fs.js';
import type { Project } from './project.js';

const KEY = 'id_ed25519';

/** The provider that config.ts asks for. The project's own key is used, and made where it is missing and `make` says so. */
export async function openProvider(project: Project, make: boolean): Promise<Provider> {
  const { config, directory, state, cluster } = project;
  const { provider, discovery } = config;
  if (provider.kind === 'ssh') {
    const { SshProvider } = await import('../providers/ssh.js');
    const hosts = provider.hosts.map((host) => ({
      address: host.address,
      user: host.user,
      port: host.port,
      ...(host.identity_file === undefined ? {} : { identityFile: host.identity_file }),
      ...(host.host_key === undefined ? {} : { hostKey: host.host_key }),
    }));
    return new SshProvider(hosts, directory);
  }
  const { LocalProvider } = await import('../providers/local/provider.js');
  return new LocalProvider({
    cluster: cluster.name,
    project: directory,
    suite: provider.suite,
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

/** A way to the hosts that knows the keys pinned for this project. */
export async function openSsh(project: Project): Promise<Ssh> {
  const { createSsh } = await import('../ssh/client.js');
  return createSsh({
    knownHostsFile: project.state.file('known_hosts'),
    acceptNew: project.config.ssh.accept_new,
    ...(process.stdin.isTTY && process.stderr.isTTY ? { confirm: confirmHostKey } : {}),
  });
}

async function confirmHostKey(question: {
  readonly target: SshTarget;
  readonly fingerprint: string;
}): Promise<boolean> {
  const { confirm } = await import('../report/confirm.js');
  const { name, address } = question.target;
  return confirm(`${name} at ${address} has the key ${question.fingerprint}. Trust it from now on?`);
}

/** Pins host keys that are known before the first contact; others that are pinned already stay. */
export async function pinHostKeys(project: Project, lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  const file = project.state.file('known_hosts');
  const present = await readFile(file, 'utf8').catch(() => '');
  const known = present.split('\n').filter((line) => line !== '');
  if (lines.every((line) => known.includes(line))) return;
  const hosts = new Set(lines.map((line) => line.split(' ')[0]));
  const kept = known.filter((line) => !hosts.has(line.split(' ')[0]));
  await project.state.ensure();
  await writeFileAtomic(file, `${[...kept, ...lines].join('\n')}\n`, 0o600);
}
