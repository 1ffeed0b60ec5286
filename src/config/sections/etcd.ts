import * as z from 'zod';
import { wholeNumber } from '../words.js';
import { etcdKeys } from './etcd-keys.js';
import { shapeOf } from './keys.js';
import { programSources } from './source.js';

/** etcd of the cluster: coreup's own keys, then those of cloud-config's etcd2 section. */
export const etcdSchema = z.strictObject({
  members: wholeNumber(1, 1000)
    .optional()
    .describe('How many of the instances, from the first on, are etcd members; by default all. The rest are workers.'),
  tls: z
    .boolean()
    .optional()
    .describe(
      'Whether clients and peers speak TLS, with certificates that coreup makes; by default they do, unless user-data has ' +
        'http URLs or certificates of its own. A cluster that runs stays as it is until this says otherwise.',
    ),
  source: z
    .union([z.literal('system'), z.literal('package'), ...programSources()])
    .default('system')
    .describe(
      "Where etcd and etcdctl come from: 'system' is what the host has, 'package' lets apt install the distribution's own " +
        'where there is none; or a directory, a .tar.gz, or a URL with its checksum.',
    ),
  ...shapeOf(etcdKeys),
});
