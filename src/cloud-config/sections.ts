import { ETCD2_SETTINGS, ETCD_SETTINGS } from '../etcd/settings.js';
import { FLEET_SETTINGS } from '../fleet/settings.js';
import { setting, type Setting } from '../util/setting.js';

const tlsAndLogin = (prefix: string, keys: readonly string[]): Setting[] => keys.map((key) => setting(prefix, key));

/** `^((?i:sun|…) )?0*(hour):0*(minute)$`, spelled without inline flags. */
const WINDOW_START = {
  pattern:
    /^(?:(?:[Ss][Uu][Nn]|[Mm][Oo][Nn]|[Tt][Uu][Ee]|[Ww][Ee][Dd]|[Tt][Hh][Uu]|[Ff][Rr][Ii]|[Ss][Aa][Tt]) )?0*(?:[0-9]|1[0-9]|2[0-3]):0*(?:[0-9]|[1-5][0-9])$/,
  words: 'a time such as 04:00 or "Sun 04:00"',
};

/** A Go duration. One letter an iteration keeps the pattern linear; coreos-cloudinit's `([a-z]+)+` matches the same. */
const WINDOW_LENGTH = { pattern: /^[-+]?(?:[0-9]*(?:\.[0-9]*)?[a-z])+$/, words: 'a duration such as 1h or 90m' };

/** The keys of `coreos.locksmith`, in the declaration order of coreos-cloudinit's config/locksmith.go. */
export const LOCKSMITH_SETTINGS: readonly Setting[] = [
  ...tlsAndLogin('LOCKSMITHD', [
    'endpoint',
    'etcd_cafile',
    'etcd_certfile',
    'etcd_keyfile',
    'etcd_username',
    'etcd_password',
    'group',
  ]),
  setting('REBOOT', 'window_start', 'string', { valid: WINDOW_START }),
  setting('REBOOT', 'window_length', 'string', { valid: WINDOW_LENGTH }),
];

/** The keys of `coreos.flannel`, in the declaration order of coreos-cloudinit's config/flannel.go. */
export const FLANNEL_SETTINGS: readonly Setting[] = [
  ...tlsAndLogin('FLANNELD', [
    'etcd_endpoints',
    'etcd_cafile',
    'etcd_certfile',
    'etcd_keyfile',
    'etcd_prefix',
    'etcd_username',
    'etcd_password',
    'ip_masq',
    'subnet_file',
  ]),
  setting('FLANNELD', 'interface', 'string', { env: 'FLANNELD_IFACE' }),
  setting('FLANNELD', 'public_ip'),
];

/** The keys of `coreos.update`, as the lines of update.conf that they set. */
export const UPDATE_SETTINGS: readonly Setting[] = [
  {
    key: 'reboot_strategy',
    env: 'REBOOT_STRATEGY',
    type: 'string',
    valid: { pattern: /^(etcd-lock|reboot|off)$/, words: 'etcd-lock, reboot or off' },
  },
  { key: 'group', env: 'GROUP', type: 'string' },
  { key: 'server', env: 'SERVER', type: 'string' },
];

/** A section of `coreos` that becomes a drop-in for a daemon. */
export interface DropInSection {
  readonly section: 'etcd' | 'etcd2' | 'fleet' | 'locksmith';
  readonly unit: string;
  readonly settings: readonly Setting[];
}

/** In the order in which coreos-cloudinit writes them, after the units of the document. */
export const DROP_IN_SECTIONS: readonly DropInSection[] = [
  { section: 'etcd', unit: 'etcd.service', settings: ETCD_SETTINGS },
  { section: 'etcd2', unit: 'etcd2.service', settings: ETCD2_SETTINGS },
  { section: 'fleet', unit: 'fleet.service', settings: FLEET_SETTINGS },
  { section: 'locksmith', unit: 'locksmithd.service', settings: LOCKSMITH_SETTINGS },
];
