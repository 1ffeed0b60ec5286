import { setting, type Setting, type SettingType } from '../util/setting.js';

const fleet = (key: string, type: SettingType = 'string'): Setting => setting('FLEET', key, type);

/** The keys of `coreos.fleet`, in the declaration order of coreos-cloudinit's config/fleet.go. */
export const FLEET_SETTINGS: readonly Setting[] = [
  fleet('agent_ttl'),
  fleet('authorized_keys_file'),
  fleet('disable_engine', 'bool'),
  fleet('engine_reconcile_interval', 'float'),
  fleet('etcd_cafile'),
  fleet('etcd_certfile'),
  fleet('etcd_keyfile'),
  fleet('etcd_key_prefix'),
  fleet('etcd_request_timeout', 'float'),
  fleet('etcd_servers'),
  fleet('etcd_username'),
  fleet('etcd_password'),
  fleet('metadata'),
  fleet('public_ip'),
  fleet('token_limit', 'int'),
  fleet('verbosity', 'int'),
  fleet('verify_units', 'bool'),
];
