/**
 * The fleet keys of cloud-config that a config may set, with what each means. Kinds follow coreos-cloudinit's
 * config/fleet.go; metadata is not here because coreup takes it per member.
 */
export const fleetKeys = {
  agent_ttl: ['text', 'How long a machine counts as alive without a sign of life, such as 30s.'],
  authorized_keys_file: ['text', 'Keys that may log in through fleet.'],
  disable_engine: ['flag', 'Whether the machine never takes part in scheduling.'],
  engine_reconcile_interval: ['number', 'Seconds between two looks of the engine at the cluster.'],
  etcd_cafile: ['text', 'Authority of the etcd endpoints.'],
  etcd_certfile: ['text', 'Certificate to show to etcd.'],
  etcd_keyfile: ['text', 'Key of etcd_certfile.'],
  etcd_key_prefix: ['text', 'The key below which fleet keeps its data.'],
  etcd_request_timeout: ['number', 'Seconds that a request to etcd may take.'],
  etcd_servers: ['text', 'Client URLs of etcd, comma separated.'],
  etcd_username: ['text', 'User name for etcd.'],
  etcd_password: ['text', 'Password for etcd.'],
  public_ip: ['text', 'Address that the machine tells others.'],
  token_limit: ['count', 'How many entries a page of the API has at most.'],
  verbosity: ['count', 'How much fleet logs: 0, 1 or 2.'],
  verify_units: ['flag', 'Whether units must carry a known signature.'],
} as const;
