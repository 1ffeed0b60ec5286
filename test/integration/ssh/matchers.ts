import { expect } from '@jest/globals';

/** Matchers with the type of what they stand for, so that they fit into typed objects. */
export const containing = (text: string): string => expect.stringContaining(text) as unknown as string;
export const matching = (pattern: RegExp): string => expect.stringMatching(pattern) as unknown as string;
