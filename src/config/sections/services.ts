import * as z from 'zod';
import { path, text, wholeNumber } from '../words.js';

const instance = z.union([wholeNumber(0, 1_000_000), text('an instance name', /^[\w:.\\-]+$/)]);

/** Units that fleet runs in the cluster. */
export const servicesSchema = z.array(
  z.strictObject({
    unit: path().describe('The unit file; a template unit has an @ before its suffix.'),
    instances: z.array(instance).min(1).optional().describe('The instances of a template unit.'),
    state: z
      .enum(['launched', 'loaded', 'inactive'])
      .default('launched')
      .describe('Whether it runs, is only scheduled, or only known to the cluster.'),
    vars: z
      .record(text('a variable name', /^[A-Za-z_]\w*$/), z.union([z.string(), z.number(), z.boolean()]))
      .optional()
      .describe('Values for the variables of a unit file that ends in .hbs.'),
  }),
);
