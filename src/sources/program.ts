import { createHash } from 'node:crypto';

/** A program for hosts, as it was found in a source. */
export interface Program {
  readonly name: string;
  readonly content: Uint8Array;
  /** Hexadecimal. */
  readonly sha256: string;
  /** What `uname -m` says on hosts that can run it, such as `x86_64`. */
  readonly machine: string;
  /** The loader that a dynamically linked program needs on the host; absent for a static one. */
  readonly interpreter?: string;
}

/** What to look for in a source. */
export interface Wanted {
  readonly name: string;
  /** Bytes that are in every build of this program, and hardly in any other file. */
  readonly mark: string;
}

/** Where programs come from. A URL without a sum is one that nobody has vouched for yet. */
export type ProgramSource = string | { readonly url: string; readonly sha256?: string | undefined };

/** sha256 in hex. */
export function digestOf(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
