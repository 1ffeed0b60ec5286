import { ETCD2_SETTINGS, ETCD_SETTINGS } from '../etcd/settings.js';
import { FLEET_SETTINGS } from '../fleet/settings.js';
import type { Allowed, Setting, SettingType } from '../util/setting.js';
import { ENCODING_NAMES } from './encodings.js';
import type { Severity } from './finding.js';
import { UNIT_VERBS } from './interpret-units.js';
import { FLANNEL_SETTINGS, LOCKSMITH_SETTINGS, UPDATE_SETTINGS } from './sections.js';

/** The type of a value. */
export type Shape =
  | { readonly kind: 'struct'; readonly fields: ReadonlyMap<string, Field> }
  | { readonly kind: 'list'; readonly of: Shape }
  | { readonly kind: SettingType; readonly valid?: Allowed };

/** A key of a struct. */
export interface Field {
  readonly shape: Shape;
  readonly deprecated?: { readonly severity: Severity; readonly why: string };
}

const STRING: Shape = { kind: 'string' };
const BOOL: Shape = { kind: 'bool' };
const STRINGS: Shape = { kind: 'list', of: STRING };

const field = (shape: Shape): Field => ({ shape });
const oneOf = (pattern: RegExp, words: string): Field => ({ shape: { kind: 'string', valid: { pattern, words } } });
const struct = (fields: Readonly<Record<string, Field>>): Shape => ({
  kind: 'struct',
  fields: new Map(Object.entries(fields)),
});
const strings = (...keys: string[]): Record<string, Field> =>
  Object.fromEntries(keys.map((key) => [key, field(STRING)]));
const bools = (...keys: string[]): Record<string, Field> => Object.fromEntries(keys.map((key) => [key, field(BOOL)]));

const ofSettings = (settings: readonly Setting[]): Shape => ({
  kind: 'struct',
  fields: new Map(
    settings.map(({ key, type, valid, deprecated }) => [
      key,
      {
        shape: { kind: type, ...(valid === undefined ? {} : { valid }) },
        ...(deprecated === undefined ? {} : { deprecated: { severity: 'warning' as const, why: deprecated } }),
      },
    ]),
  ),
});

/** coreos-cloudinit warns here; coreup brings the daemons along, so it is only worth a note. */
const notShipped = (shape: Shape, name: string): Field => ({
  shape,
  deprecated: { severity: 'info', why: `Container Linux no longer ships ${name}; coreup uses the one on the host` },
});

const fetched = (shape: Shape): Field => ({
  shape,
  deprecated: { severity: 'warning', why: 'fetching keys at boot fails too often; put them into ssh_authorized_keys' },
});

const USER = struct({
  ...strings('name', 'passwd', 'gecos', 'homedir', 'primary_group', 'shell'),
  ssh_authorized_keys: field(STRINGS),
  coreos_ssh_import_github: fetched(STRING),
  coreos_ssh_import_github_users: fetched(STRINGS),
  coreos_ssh_import_url: fetched(STRING),
  groups: field(STRINGS),
  ...bools('no_create_home', 'no_user_group', 'system', 'no_log_init'),
});

const FILE = struct({
  ...strings('content', 'owner', 'path'),
  encoding: oneOf(/^(?:base64|b64|gz|gzip|gz\+base64|gzip\+base64|gz\+b64|gzip\+b64)$/, ENCODING_NAMES.join(', ')),
  permissions: oneOf(/^0?[0-7]{3,4}$/, 'three or four octal digits, such as "0644"'),
});

const UNIT = struct({
  ...strings('name', 'content'),
  ...bools('mask', 'enable', 'runtime'),
  command: oneOf(
    /^(?:start|stop|restart|reload|try-restart|reload-or-restart|reload-or-try-restart)$/,
    UNIT_VERBS.join(', '),
  ),
  drop_ins: field({ kind: 'list', of: struct(strings('name', 'content')) }),
});

/** Everything coreos-cloudinit reads: config.CloudConfig with its types and allowed values. */
export const CLOUD_CONFIG_SCHEMA: Shape = struct({
  ssh_authorized_keys: field(STRINGS),
  coreos: field(
    struct({
      etcd: notShipped(ofSettings(ETCD_SETTINGS), 'etcd 0.4'),
      etcd2: notShipped(ofSettings(ETCD2_SETTINGS), 'etcd2'),
      flannel: field(ofSettings(FLANNEL_SETTINGS)),
      fleet: notShipped(ofSettings(FLEET_SETTINGS), 'fleet'),
      locksmith: field(ofSettings(LOCKSMITH_SETTINGS)),
      oem: field(struct(strings('id', 'name', 'version_id', 'home_url', 'bug_report_url'))),
      update: field(ofSettings(UPDATE_SETTINGS)),
      units: field({ kind: 'list', of: UNIT }),
    }),
  ),
  write_files: field({ kind: 'list', of: FILE }),
  ...strings('hostname'),
  users: field({ kind: 'list', of: USER }),
  manage_etc_hosts: oneOf(/^localhost$/, '"localhost"'),
});
