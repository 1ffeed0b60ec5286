import { createHash } from 'node:crypto';

/** In hex. Large data is taken for unchangeable and looked at once: programs are the same for every host. */
export function sha256(data: Uint8Array): string {
  const known = digests.get(data);
  if (known !== undefined) return known;
  const digest = createHash('sha256').update(data).digest('hex');
  if (data.length > LARGE) digests.set(data, digest);
  return digest;
}

const LARGE = 1 << 20;
const digests = new WeakMap<Uint8Array, string>();
