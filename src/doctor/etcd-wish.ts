import { isIP } from 'node:net';
import type { HostState } from '../cluster/host-state.js';
import { ETCD_UNIT } from '../etcd/service.js';
import { TLS_FILES } from '../etcd/transport.js';
import { FLEET_UNIT } from '../fleet/service.js';
import { etcdDirectories, etcdEnvironment, unitEnvironment, wantsEtcd } from '../plan/adapt.js';

/** What the doctor needs to know of a host's settings. */
export interface EtcdWish {
  readonly etcd: boolean;
  readonly dataDirectory: string;
  /** Addresses and ports at which etcd listens. */
  readonly listens: readonly { readonly host: string; readonly port: number }[];
  /** Where it says that peers and clients find it. */
  readonly advertised: { readonly peer: readonly Endpoint[]; readonly client: readonly Endpoint[] };
  /** Host names in its URLs. */
  readonly names: readonly string[];
  readonly certificates: readonly string[];
  /** Those of them that etcd shows to others. */
  readonly shown: readonly string[];
  readonly keys: readonly string[];
}

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

const CERTIFICATES = /^(ETCD|FLEET_ETCD)_(PEER_)?(TRUSTED_)?(CERT|CA|CERTFILE|CAFILE)(_FILE)?$/;
const KEYS = /^(ETCD|FLEET_ETCD)_(PEER_)?(KEY_FILE|KEYFILE)$/;

/** Reads what a host's settings say of etcd, and of fleet's way to it. */
export function etcdWish(desired: HostState): EtcdWish {
  const environment = etcdEnvironment(desired);
  const endpoints = (name: string): readonly Endpoint[] => urlsOf(environment.get(name));
  const mentioned = [
    ...endpoints('ETCD_INITIAL_ADVERTISE_PEER_URLS'),
    ...endpoints('ETCD_ADVERTISE_CLIENT_URLS'),
    ...urlsOf(environment.get('ETCD_INITIAL_CLUSTER')?.replaceAll(/(^|,)[^=,]+=/g, '$1')),
  ];
  const all = [...environment, ...unitEnvironment(desired, FLEET_UNIT)];
  const files = (kind: RegExp, own?: string): readonly string[] => {
    const named = all.filter(([name, path]) => kind.test(name) && path.startsWith('/')).map(([, path]) => path);
    // etcdctl's are in no setting.
    const present = desired.files.map(({ path }) => path).filter((path) => path === own);
    return [...new Set([...named, ...present])];
  };
  return {
    etcd: wantsEtcd(desired) && environment.get('ETCD_PROXY') !== 'on',
    dataDirectory: etcdDirectories(desired).at(-1) ?? '/var/lib/etcd2',
    listens: [...endpoints('ETCD_LISTEN_CLIENT_URLS'), ...endpoints('ETCD_LISTEN_PEER_URLS')],
    advertised: {
      peer: endpoints('ETCD_INITIAL_ADVERTISE_PEER_URLS'),
      client: endpoints('ETCD_ADVERTISE_CLIENT_URLS'),
    },
    names: [...new Set(mentioned.map(({ host }) => host).filter((host) => isIP(host) === 0 && host !== 'localhost'))],
    certificates: files(CERTIFICATES, TLS_FILES.client.cert),
    shown: files(/^ETCD_(PEER_)?CERT_FILE$/),
    keys: files(KEYS, TLS_FILES.client.key),
  };
}

function urlsOf(list = ''): readonly Endpoint[] {
  return list.split(',').flatMap((text) => {
    const url = text.trim();
    if (!URL.canParse(url)) return [];
    const { hostname, port, protocol } = new URL(url);
    return [{ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || (protocol === 'https:' ? 443 : 80)) }];
  });
}

/** The units that the doctor looks at. */
export const LOOKED_AT_UNITS: readonly string[] = [ETCD_UNIT, FLEET_UNIT, 'etcd.service'];
