/** A file that `coreup init` writes, named relative to the project directory. */
export interface ScaffoldFile {
  readonly path: string;
  readonly text: string;
}

/** The files of a new project. Pure data: what exists already is for the caller to look at. */
export function scaffold(clusterName: string): readonly ScaffoldFile[] {
  return [
    { path: 'config.ts', text: configText(clusterName) },
    { path: 'user-data', text: userDataText(clusterName) },
    { path: '.gitignore', text: GIT_IGNORE },
  ];
}

// Kept to what loads without the TypeScript loader; see plain.ts.
function configText(clusterName: string): string {
  return `import { defineConfig } from 'coreup';

// What the cluster is. \`coreup render\` shows what becomes of it, \`coreup up\` brings it up.
// Every key: docs/config.md and config.example.ts of coreup.
export default defineConfig({
  cluster_name: '${clusterName}',

  // Hosts are core-01, core-02, … All of them are etcd members; an odd number is best.
  num_instances: 3,
  instance_name_prefix: 'core',

  // The cloud-config that every member starts from.
  user_data: 'user-data',

  // Each member is told the names and addresses of all.
  discovery: { mode: 'static' },

  // etcd2 settings of cloud-config, for every member.
  // etcd: { heartbeat_interval: 100, election_timeout: 1000 },

  // Real systemd hosts on this machine, at 172.17.8.101, .102, … (needs root on Linux).
  provider: { kind: 'local', subnet: '172.17.8.0/24' },

  // Or machines that exist:
  // provider: { kind: 'ssh', hosts: [{ address: '10.0.0.11' }, { address: '10.0.0.12' }, { address: '10.0.0.13' }] },
});
`;
}

/**
 * The static cloud-config of the book, corrected: no `---` inside the document, clients find a member on its own
 * address, and the ports of etcd 0.4 (4001, 7001) are gone. coreup adds what differs per member.
 */
function userDataText(clusterName: string): string {
  return `#cloud-config

# What every member starts from. For each one coreup writes a copy, user-data-N, with what differs:
# etcd2's name, initial-cluster with the names and addresses of all members, and where the certificates are that coreup
# makes. With http URLs here, etcd speaks plain http (docs/tls.md).
# $public_ipv4 and $private_ipv4 stay as they are until the host reads them.
coreos:
  etcd2:
    # Where clients reach this member: what it tells others, and where it listens.
    advertise-client-urls: https://$private_ipv4:2379
    listen-client-urls: https://$private_ipv4:2379,https://127.0.0.1:2379
    # Where the other members reach it.
    initial-advertise-peer-urls: https://$private_ipv4:2380
    listen-peer-urls: https://$private_ipv4:2380
    # Keeps clusters apart that share a network: give each its own.
    initial-cluster-token: ${clusterName}
    initial-cluster-state: new
  units:
    - name: etcd2.service
      command: start
      enable: true
`;
}

const GIT_IGNORE = `# What coreup generates: rendered user-data, and state with keys.
user-data-[0-9]*
.coreup/
`;
