import { ETCD_UNIT, ETCD_USER } from '../etcd/service.js';
import type { EtcdVersion } from '../etcd/version.js';
import { sha256 } from './digest.js';
import { NO_UNIT, type ObservedPath, type ObservedUnit, type ObservedUser, type Observation } from './observation.js';
import { NETWORKD } from './persist.js';

/**
 * What a host of the local provider will look like when it has just been made, as far as its image is known: a Debian with
 * etcd, the user core, and nothing of coreup's. It has files of its own that are not known here.
 */
export function freshHost(
  name: string,
  { machine, os, etcd }: Pick<Observation, 'machine' | 'os'> & { readonly etcd: EtcdVersion | undefined },
): Observation {
  return {
    hostname: name,
    machineId: `of-${name}-to-come`,
    machine,
    os,
    generation: '',
    systemd: true,
    etcd: { path: '/usr/bin/etcd', version: etcd },
    fleetd: undefined,
    paths: new Map([[ENVIRONMENT, EMPTY_FILE]]),
    contents: new Map([[ENVIRONMENT, NOTHING]]),
    units: new Map([
      [ETCD_UNIT, NO_UNIT],
      [NETWORKD, { ...UNIT, active: 'active' }],
    ]),
    users: new Map([
      ['core', USER],
      [ETCD_USER, USER],
    ]),
    dropIns: [],
    data: [],
    manifest: undefined,
  };
}

/** Debian brings it, and the cloud-config's addresses go there. */
const ENVIRONMENT = '/etc/environment';
const NOTHING = new Uint8Array();
const EMPTY_FILE: ObservedPath = {
  type: 'file',
  mode: 0o644,
  user: 'root',
  group: 'root',
  uid: 0,
  gid: 0,
  sha256: sha256(NOTHING),
};
const USER: ObservedUser = { home: '', passwordHash: '*', authorizedKeys: [] };
const UNIT: ObservedUnit = { ...NO_UNIT, load: 'loaded' };
