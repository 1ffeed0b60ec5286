import * as z from 'zod';
import { httpUrl, sha256 } from '../grammar.js';
import { path, wholeNumber } from '../words.js';
import { etcdKeys } from './etcd-keys.js';
import { shapeOf } from './keys.js';

/** etcd of the cluster: coreup's own keys, then those of cloud-config's etcd2 section. */
export const etcdSchema = z.strictObject({
  members: wholeNumber(1, 1000)
    .optional()
    .describe('How many of the instances, from the first on, are etcd members; by default all. The rest are workers.'),
  tls: z.boolean().default(false).describe('Whether clients and peers speak TLS, with certificates that coreup makes.'),
  source: z
    .union([
      z.literal('system'),
      z.strictObject({
        url: httpUrl().describe('Where the release archive is.'),
        sha256: sha256().describe('Its checksum.'),
      }),
      path(),
    ])
    .default('system')
    .describe("Where the etcd program comes from: 'system' is the package of the host's distribution."),
  ...shapeOf(etcdKeys),
});
