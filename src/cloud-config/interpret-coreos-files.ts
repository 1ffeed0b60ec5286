import { posix } from 'node:path';
import type { HostEdit, HostFile } from '../cluster/host-state.js';
import { environmentOf } from './interpret-sections.js';
import { systemFile } from './interpret-units.js';
import { childOf, itemsOf, type ConfigNode } from './nodes.js';
import type { Reader } from './reader.js';
import { FLANNEL_SETTINGS, UPDATE_SETTINGS } from './sections.js';
import { SUBSTITUTION_VARIABLES, type SubstitutionVars } from './substitute.js';

const UPDATE_CONF = '/etc/coreos/update.conf';
const ENVIRONMENT = '/etc/environment';

/** The files of coreos.oem, manage_etc_hosts and coreos.flannel, in coreos-cloudinit's order. */
export function coreosFiles(reader: Reader, root: ConfigNode | null, hostname: string): HostFile[] {
  const coreos = childOf(root, 'coreos');
  return [...oemRelease(reader, coreos), ...etcHosts(reader, root, hostname), ...flannelOptions(reader, coreos)];
}

/** coreos.oem, if it has an id. Go's %q quotes the free texts. */
function oemRelease(reader: Reader, coreos: ConfigNode | undefined): HostFile[] {
  const oem = childOf(coreos, 'oem');
  const value = (key: string): string => reader.string(oem, key);
  if (value('id') === '') return [];
  const content =
    `ID=${value('id')}\nVERSION_ID=${value('version_id')}\nNAME=${goQuote(value('name'))}\n` +
    `HOME_URL=${goQuote(value('home_url'))}\nBUG_REPORT_URL=${goQuote(value('bug_report_url'))}\n`;
  return [systemFile('/etc/oem-release', content, reader.originOfKey(coreos, 'oem', 'coreos.oem'))];
}

function etcHosts(reader: Reader, root: ConfigNode | null, hostname: string): HostFile[] {
  const node = childOf(root, 'manage_etc_hosts');
  const value = reader.string(root, 'manage_etc_hosts');
  if (node === undefined || value === '') return [];
  if (value !== 'localhost') {
    throw reader.problem(
      node,
      `manage_etc_hosts can only be "localhost"; found ${JSON.stringify(value)}`,
      'MANAGE_ETC_HOSTS',
      'Write "manage_etc_hosts: localhost", or put the whole /etc/hosts into write_files.',
    );
  }
  const origin = reader.originOfKey(root, 'manage_etc_hosts', 'manage_etc_hosts');
  return [systemFile('/etc/hosts', `127.0.0.1 ${hostname}\n`, origin)];
}

/** No newline at the end: coreos-cloudinit joins the lines. */
function flannelOptions(reader: Reader, coreos: ConfigNode | undefined): HostFile[] {
  const lines = environmentOf(FLANNEL_SETTINGS, childOf(coreos, 'flannel'));
  if (lines.length === 0) return [];
  const origin = reader.originOfKey(coreos, 'flannel', 'coreos.flannel');
  return [systemFile('/run/flannel/options.env', lines.join('\n'), origin)];
}

/** coreos.update: rewrites the lines of update.conf that begin with the key, and appends the others, sorted. */
export function coreosEdits(reader: Reader, coreos: ConfigNode | undefined): HostEdit[] {
  const update = childOf(coreos, 'update');
  const set: Record<string, string> = {};
  for (const { key, env, valid } of UPDATE_SETTINGS) {
    const node = childOf(update, key);
    const value = reader.string(update, key);
    if (node === undefined || value === '') continue;
    if (valid !== undefined && !valid.pattern.test(value)) {
      throw reader.problem(
        node,
        `${JSON.stringify(value)} is not allowed for coreos.update.${key}`,
        'UPDATE_VALUE',
        `Use ${valid.words}.`,
      );
    }
    set[env] = value;
  }
  if (Object.keys(set).length === 0) return [];
  const origin = reader.originOfKey(coreos, 'update', 'coreos.update');
  return [{ path: UPDATE_CONF, format: 'update-conf', set, origin }];
}

/** The host's addresses for /etc/environment, unless write_files writes that file. */
export function environmentEdit(reader: Reader, root: ConfigNode | null, vars: SubstitutionVars): HostEdit[] {
  const written = itemsOf(childOf(root, 'write_files')).some(
    (item) => posix.normalize(reader.string(item, 'path')) === ENVIRONMENT,
  );
  const set = Object.fromEntries(
    SUBSTITUTION_VARIABLES.flatMap((name) => {
      const value = vars[name] ?? '';
      return value === '' ? [] : [[`COREOS_${name.toUpperCase()}`, value] as const];
    }).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  if (written || Object.keys(set).length === 0) return [];
  return [{ path: ENVIRONMENT, format: 'environment', set, origin: { key: 'substitution variables' } }];
}

/** strconv.Quote, for the characters that YAML lets through: printable text stays, control characters are escaped. */
export function goQuote(text: string): string {
  const escaped = text
    .replace(/[\\"]/g, '\\$&')

    .replace(/[\u0000-\u001f\u007f]/g, (c) => GO_ESCAPES[c] ?? `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
    .replace(/[\u0080-\u009f\u00a0\u00ad\u2028\u2029\ufeff]|\p{Zs}(?<! )/gu, (c) => {
      return `\\u${(c.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`;
    });
  return `"${escaped}"`;
}

const GO_ESCAPES: Readonly<Record<string, string>> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};
