import * as z from 'zod';
import { path, wholeNumber } from '../words.js';

/** How coreup talks to hosts. */
export const sshSchema = z.strictObject({
  accept_new: z
    .boolean()
    .default(false)
    .describe('Whether to trust the key of a host that has never been seen. A changed key is refused in any case.'),
  config_file: z
    .union([path(), z.literal(false)])
    .optional()
    .describe(
      'The ssh_config(5) file to ask about hosts, instead of ~/.ssh/config and the machine’s; false asks none.',
    ),
  connect_timeout: wholeNumber(1, 3600)
    .default(60)
    .describe('How many seconds to keep trying to reach a host before it counts as failed.'),
});
