import type { HostState } from '../cluster/host-state.js';
import { TLS_FILES } from '../etcd/transport.js';
import type { Observation } from './observation.js';

/**
 * Whether etcd on this host has data and trusts an authority that the certificates it is to get are not from. With those
 * it would be cut off from the other members. Pure.
 */
export function trustsAnother(desired: HostState, { contents, data }: Observation): boolean {
  const present = contents.get(TLS_FILES.ca);
  const wanted = desired.files.find(({ path }) => path === TLS_FILES.ca)?.content;
  if (present === undefined || wanted === undefined || data.length === 0) return false;
  const ours = new Set(certificates(wanted));
  const theirs = certificates(present);
  return theirs.length > 0 && !theirs.some((certificate) => ours.has(certificate));
}

function certificates(pem: Uint8Array): readonly string[] {
  const text = Buffer.from(pem).toString();
  const blocks = text.matchAll(/-----BEGIN CERTIFICATE-----([\s\S]+?)-----END CERTIFICATE-----/g);
  return [...blocks].map(([, body = '']) => body.replace(/\s/g, ''));
}
