import * as z from 'zod';
import { clusterName, namePrefix } from './grammar.js';
import { discoverySchema } from './sections/discovery.js';
import { etcdSchema } from './sections/etcd.js';
import { fleetSchema } from './sections/fleet.js';
import { providerSchema } from './sections/provider.js';
import { servicesSchema } from './sections/services.js';
import { sshSchema } from './sections/ssh.js';
import { path, wholeNumber } from './words.js';

// A config is checked once per run: generating a parser for it with `new Function` costs more than it saves.
z.config({ jitless: true });

/**
 * What a config may say. The one source of the `Config` type, the run-time check, the defaults and docs/config.md.
 * Defaults that depend on something else (the directory, the number of hosts) are filled in by `resolve.ts`.
 */
export const configSchema = z.strictObject({
  cluster_name: clusterName()
    .optional()
    .describe('Names the cluster, its hosts and its state; by default the name of the project directory.'),
  num_instances: wholeNumber(1, 1000)
    .optional()
    .describe('How many hosts there are: 1 by default, or as many as provider.hosts lists.'),
  instance_name_prefix: namePrefix().default('core').describe('What host names start with: core-01, core-02, …'),
  user_data: path()
    .optional()
    .describe(
      'The cloud-config that every member starts from, or a template of it (.hbs); by default user-data or ' +
        'user-data.hbs where there is one, otherwise a template that comes with coreup.',
    ),
  discovery: discoverySchema.default({ mode: 'static' }).describe('How members find each other.'),
  etcd: etcdSchema.prefault({}).describe('etcd: who its members are, and its settings.'),
  fleet: fleetSchema.prefault({}).describe('fleet: whether it runs, and its settings.'),
  services: servicesSchema.default([]).describe('Units that run in the cluster.'),
  provider: providerSchema.prefault({ kind: 'local' }).describe('Where the hosts come from.'),
  ssh: sshSchema.prefault({}).describe('How coreup talks to the hosts.'),
});

/** What a person writes in config.ts. */
export type Config = z.input<typeof configSchema>;

/** What the schema makes of it: checked, with the defaults that need no context. */
export type ParsedConfig = z.output<typeof configSchema>;

/** The sections that are right in themselves, with num_instances worked out. Others are absent. */
export type Sections = { readonly [Key in keyof ParsedConfig]?: ParsedConfig[Key] | undefined };
