/**
 * Every key of config.ts, with its default or, commented out, an example. A real config needs few of them: `{}` is a
 * valid one. docs/config.md is the reference; `coreup init` writes a short config to start from.
 */
import { defineConfig } from 'coreup';

// defineConfig also takes a function, plain or async: () => ({ … }). Environment variables, JSON files and other .ts
// files can be used as in any program.
export default defineConfig({
  // Names the cluster, its hosts and its state. Default: the name of this directory.
  cluster_name: 'example',

  // How many hosts there are. Default: 1, or as many as provider.hosts lists. An odd number of etcd members is best.
  num_instances: 3,

  // Host names are core-01, core-02, …
  instance_name_prefix: 'core',

  // The cloud-config that every member starts from, or a Handlebars template of it (.hbs).
  // Default: user-data or user-data.hbs where there is one, otherwise a template that comes with coreup.
  // user_data: 'user-data',

  // How members find each other (docs/discovery.md). static: each is told the names and addresses of all.
  discovery: { mode: 'static' },
  // public: members register with a discovery service. ephemeral: coreup serves discovery itself, while they first start.
  // discovery: { mode: 'public', new_discovery_url: 'https://discovery.etcd.io/new' },
  // discovery: { mode: 'public', url: 'https://discovery.etcd.io/0123456789abcdef' },
  // discovery: { mode: 'ephemeral', port: 2378 },
  // custom: through an etcd of your own; without an endpoint, the first instance is started for it.
  // discovery: { mode: 'custom', token: '40134540-b53c-46b3-b34f-33b4f0ae3a9c', endpoint: 'http://10.0.0.9:2379', path: 'discovery' },
  // SRV records; managed: coreup runs the name server.
  // discovery: { mode: 'dns', domain: 'example.com', managed: true, peer_auto_tls: true },
  // discovery: { mode: 'dns', domain: 'example.com', nameserver: '172.17.8.111' },

  etcd: {
    // How many of the instances, from the first on, are etcd members; the rest are workers. Default: all.
    // members: 3,

    // Whether clients and peers speak TLS, with certificates that coreup makes. Default: they do, unless user-data has http
    // URLs or certificates of its own.
    tls: true,

    // Where etcd and etcdctl come from: 'system' is what the hosts have, 'package' lets apt install the distribution's own
    // where there is none; or a directory, a .tar.gz, or a URL with its checksum.
    source: 'system',
    // source: 'package',
    // source: './etcd.tar.gz',
    // source: { url: 'https://example.com/etcd.tar.gz', sha256: '…' },

    // Any key of etcd2 in cloud-config, except name, initial_cluster, discovery and discovery_srv: coreup writes those.
    // Default for all: what user-data says.
    // advertise_client_urls: 'https://$public_ipv4:2379',
    // ca_file: '/etc/etcd/ca.pem',
    // cert_file: '/etc/etcd/server.pem',
    // client_cert_auth: true,
    // cors: '*',
    // data_dir: '/var/lib/etcd2',
    // debug: true,
    // discovery_fallback: 'exit',
    // discovery_proxy: 'http://proxy.example.com:3128',
    election_timeout: 1000,
    // enable_pprof: true,
    heartbeat_interval: 100,
    // initial_advertise_peer_urls: 'https://$private_ipv4:2380',
    // initial_cluster_token: 'example',
    // key_file: '/etc/etcd/server.key',
    // listen_client_urls: 'https://0.0.0.0:2379',
    // listen_peer_urls: 'https://$private_ipv4:2380',
    // log_package_levels: 'etcdserver=WARNING',
    // max_snapshots: 5,
    // max_wals: 5,
    // peer_ca_file: '/etc/etcd/ca.pem',
    // peer_cert_file: '/etc/etcd/peer.pem',
    // peer_client_cert_auth: true,
    // peer_key_file: '/etc/etcd/peer.key',
    // peer_trusted_ca_file: '/etc/etcd/ca.pem',
    // proxy: 'off',
    // proxy_dial_timeout: 1000,
    // proxy_failure_wait: 5000,
    // proxy_read_timeout: 0,
    // proxy_refresh_interval: 30000,
    // proxy_write_timeout: 5000,
    // snapshot_count: 10000,
    // strict_reconfig_check: true,
    // trusted_ca_file: '/etc/etcd/ca.pem',
    // wal_dir: '/var/lib/etcd2-wal',
  },

  fleet: {
    // Whether hosts run fleet: true, false, or 'auto' for where they have it or source brings it.
    enabled: 'auto',

    // Where fleetd and fleetctl come from, for hosts that have no fleet: a directory, a .tar.gz, or a URL with its sum.
    // source: './fleet.tar.gz',
    // source: { url: 'https://example.com/fleet.tar.gz', sha256: '…' },

    // Machine metadata by member, for MachineMetadata= in unit files.
    metadata: {
      'core-01': { disk: 'ssd', rack: 'a' },
    },

    // Any key of fleet in cloud-config. Default for all: what user-data says.
    // agent_ttl: '30s',
    // authorized_keys_file: '/home/core/.ssh/authorized_keys',
    // disable_engine: 'workers', // or true
    // engine_reconcile_interval: 2,
    // etcd_cafile: '/etc/etcd/ca.pem',
    // etcd_certfile: '/etc/etcd/client.pem',
    // etcd_keyfile: '/etc/etcd/client.key',
    // etcd_key_prefix: '/_coreos.com/fleet/',
    // etcd_request_timeout: 1,
    // etcd_servers: 'https://127.0.0.1:2379',
    // etcd_username: 'fleet',
    // etcd_password: process.env.FLEET_ETCD_PASSWORD,
    // public_ip: '$public_ipv4',
    // token_limit: 100,
    // verbosity: 0,
    // verify_units: false,
  },

  // Units that run in the cluster, on whichever machine fits.
  services: [
    // { unit: './units/redis@.service', instances: [1, 2], state: 'launched', vars: { version: '7' } },
  ],

  // Where the hosts come from: real systemd hosts on this machine …
  provider: {
    kind: 'local',
    // The Debian release that they run: 'bookworm' or 'trixie'.
    suite: 'bookworm',
    // More Debian packages for them: packages: ['jq', 'python3'],
    // Their network; the hosts get .101, .102, …
    subnet: '172.17.8.0/24',
  },
  // … or machines that exist:
  // provider: {
  //   kind: 'ssh',
  //   hosts: [
  //     {
  //       name: 'core-01', // default: the prefix and its number
  //       address: '10.0.0.11', // the one key that is needed; a name from ~/.ssh/config will do
  //       user: 'admin', // default for this, port, identity_file and jump: what ssh would use
  //       port: 22,
  //       identity_file: '~/.ssh/id_ed25519',
  //       jump: [{ address: 'bastion.example.com', user: 'admin' }],
  //       public_ipv4: '203.0.113.11', // what $public_ipv4 and $private_ipv4 stand for there
  //       private_ipv4: '10.0.0.11',
  //       metadata: { disk: 'ssd' },
  //       host_key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB6Ck1QmGv3kHdBSTV8Bz1D3uyVfZc0GOEbGdBxb1pVb',
  //     },
  //     { address: '10.0.0.12' },
  //     { address: '10.0.0.13' },
  //   ],
  // },

  ssh: {
    // Whether to trust the key of a host that has never been seen. A changed key is refused in any case.
    accept_new: false,
    // The ssh_config file to ask about hosts, instead of ~/.ssh/config and the machine's; false asks none.
    // config_file: './ssh_config',
    // How many seconds to keep trying to reach a host.
    connect_timeout: 60,
  },
});
