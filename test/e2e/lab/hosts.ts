import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildCluster } from '../../../src/cluster/build.js';
import type { Cluster } from '../../../src/cluster/types.js';
import { LocalProvider } from '../../../src/providers/local/provider.js';
import { Store, type HostPaths } from '../../../src/providers/local/store.js';
import type { Suite } from '../../../src/providers/local/recipe.js';
import { memberAddress } from '../../../src/providers/local/subnet.js';
import { generateKeyPair } from '../../../src/ssh/keys.js';

/** Bare, booted hosts for tests of what coreup does with machines that it did not make. */
export interface BareHosts {
  readonly cluster: Cluster;
  /** Where the machine below has them. */
  readonly store: Store;
  /** Each of them as an entry of `provider.hosts`. */
  readonly hosts: readonly object[];
  /** Text of `provider: …` in a config.ts that takes these hosts. */
  readonly providerConfig: string;
  /** Where a host is on this machine. */
  readonly paths: (name: string) => HostPaths;
  /** Shuts one host down. */
  powerOff(name: string): Promise<void>;
  /** Starts every host that is down. */
  powerOn(): Promise<void>;
  dispose(): Promise<void>;
}

/** Boots hosts; what boots them is known here and nowhere else. */
export async function bootBareHosts(count: number, suite: Suite = 'bookworm'): Promise<BareHosts> {
  const directory = await mkdtemp(join(tmpdir(), 'coreup-e2e-bare-'));
  const subnet = '172.17.8.0/24';
  const cluster = buildCluster({
    name: `bare-${process.pid}`,
    prefix: 'core',
    etcdMembers: count,
    placements: Array.from({ length: count }, (_, position) => {
      const address = memberAddress(subnet, position + 1);
      return { publicIpv4: address, privateIpv4: address };
    }),
    metadata: {},
  });
  const pair = await generateKeyPair('e2e');
  const identityFile = join(directory, 'id_ed25519');
  await writeFile(identityFile, pair.privateKey, { mode: 0o600 });
  const provider = new LocalProvider({
    cluster: cluster.name,
    project: directory,
    subnet,
    authorizedKey: pair.publicKey,
    identityFile,
    dataDir: join(directory, 'data'),
    image: { suite },
  });
  const quiet = (): void => undefined;
  const problems = await provider.check(cluster);
  if (problems.length > 0) throw new Error(problems.map((problem) => problem.message).join('\n'));
  await provider.ensure(cluster, quiet);
  const keys = new Map(
    (await provider.knownHosts(cluster)).map(({ address, key }) => [address, `ssh-ed25519 ${key.toString('base64')}`]),
  );
  const hosts = cluster.members.map((member) => {
    const { address, user } = provider.target(member);
    return { address, user, identity_file: identityFile, host_key: keys.get(address) };
  });
  return {
    cluster,
    store: new Store(cluster.name, join(directory, 'data')),
    hosts,
    providerConfig: `{ kind: 'ssh', hosts: ${JSON.stringify(hosts)} }`,
    paths: (name) => new Store(cluster.name, join(directory, 'data')).host(name),
    powerOff: (name) =>
      provider.stop(
        cluster.members.filter((member) => member.name === name),
        quiet,
      ),
    powerOn: async () => {
      await provider.ensure(cluster, quiet);
    },
    dispose: async () => {
      await provider.remove(
        cluster.members.map((member) => member.name),
        quiet,
      );
      await rm(directory, { recursive: true, force: true });
    },
  };
}
