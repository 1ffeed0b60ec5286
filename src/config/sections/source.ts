import * as z from 'zod';
import { httpUrl, sha256 } from '../grammar.js';
import { path } from '../words.js';

/** Where programs for hosts come from: a release by its URL, or a path. */
export const programSources = () =>
  [
    z.strictObject({
      url: httpUrl().describe('Where the release archive is.'),
      sha256: sha256().optional().describe('Its checksum; without it `up` wants --trust-first-use once.'),
    }),
    path(),
  ] as const;
