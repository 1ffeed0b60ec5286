import { randomBytes } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { makeDirectory, writeAtomic, writeSynced } from './files.js';
import { generateHostKey } from './host-key.js';
import type { HostPaths, HostRecord } from './store.js';
import { parseSubnet } from './subnet.js';

/** What a host is told about itself before it first boots. */
export interface HostSeed {
  readonly name: string;
  readonly address: string;
  readonly subnet: string;
  readonly image: string;
  /** The public key that may log in as core. */
  readonly authorizedKey: string;
}

/** A file of the upper layer: path → content and mode. */
export type LayerFiles = Readonly<Record<string, { readonly content: string; readonly mode?: number }>>;

/** The files that make one host out of the image that all share. */
export function layerFiles(
  seed: HostSeed,
  identity: { readonly machineId: string; readonly privateKey: string; readonly publicKey: string },
): LayerFiles {
  const prefix = parseSubnet(seed.subnet).prefix;
  return {
    'etc/machine-id': { content: `${identity.machineId}\n`, mode: 0o444 },
    'etc/hostname': { content: `${seed.name}\n` },
    'etc/hosts': {
      content: `127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n${seed.address} ${seed.name}\n`,
    },
    'etc/ssh/ssh_host_ed25519_key': { content: identity.privateKey, mode: 0o600 },
    'etc/ssh/ssh_host_ed25519_key.pub': { content: `${identity.publicKey} root@${seed.name}\n` },
    // The address is there at once and stays when the cable is pulled, as a host's does that has it by hand.
    'etc/systemd/network/10-coreup.network': {
      content: `[Match]
Name=host0

[Network]
Address=${seed.address}/${prefix}
LinkLocalAddressing=no
DHCP=no
IPv6AcceptRA=no
LLDP=no
ConfigureWithoutCarrier=yes
IgnoreCarrierLoss=yes
`,
    },
  };
}

/** Makes a host's directory: beside its place first, then all at once by a rename. Nothing runs yet. */
export async function createHost(paths: HostPaths, seed: HostSeed): Promise<HostRecord> {
  const key = await generateHostKey(`root@${seed.name}`);
  const machineId = randomBytes(16).toString('hex');
  const beside = join(dirname(paths.directory), `.new-${seed.name}`);
  await rm(beside, { recursive: true, force: true });
  const inside = (path: string) => join(beside, basename(path));
  for (const path of [paths.upper, paths.work, paths.root, paths.keys]) {
    await makeDirectory(inside(path));
  }
  for (const [path, file] of Object.entries(layerFiles(seed, { machineId, ...key }))) {
    await writeSynced(join(inside(paths.upper), path), file.content, file.mode ?? 0o644);
  }
  await writeSynced(join(inside(paths.keys), 'core'), `${seed.authorizedKey.trim()}\n`);
  const record: HostRecord = {
    version: 1,
    name: seed.name,
    address: seed.address,
    publicKey: key.publicKey,
    image: seed.image,
    machineId,
  };
  await writeSynced(inside(paths.record), `${JSON.stringify(record, null, 2)}\n`);
  await rename(beside, paths.directory);
  return record;
}

/** Lets this key, and only this one, log in as core; holds for a running host at once. */
export async function authorize(paths: HostPaths, authorizedKey: string): Promise<void> {
  await writeAtomic(join(paths.keys, 'core'), `${authorizedKey.trim()}\n`);
}
