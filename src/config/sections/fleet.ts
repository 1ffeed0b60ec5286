import * as z from 'zod';
import { hostName } from '../grammar.js';
import { fleetKeys } from './fleet-keys.js';
import { shapeOf } from './keys.js';
import { metadata } from './provider.js';
import { programSources } from './source.js';

/** fleet of the cluster: coreup's own keys, then those of cloud-config's fleet section. */
export const fleetSchema = z.strictObject({
  enabled: z
    .union([z.literal('auto'), z.boolean()])
    .default('auto')
    .describe("Whether hosts run fleet; 'auto' means: where they have it, or fleet.source brings it."),
  source: z
    .union(programSources())
    .optional()
    .describe(
      'Where fleetd and fleetctl come from, for hosts that have no fleet: a directory, a .tar.gz, or a URL with its ' +
        'checksum.',
    ),
  metadata: z.record(hostName(), metadata()).default({}).describe('fleet machine metadata by member name.'),
  ...shapeOf(fleetKeys),
  disable_engine: z
    .union([z.boolean(), z.literal('workers')])
    .optional()
    .describe("Whether the machine never takes part in scheduling; 'workers' means: where it is no etcd member."),
});
