import type { HostFile, Origin } from '../cluster/host-state.js';
import type { Observation } from './observation.js';

/** A program that coreup brings to hosts. */
export interface HostProgram {
  readonly content: Uint8Array;
  readonly sha256: string;
  /** As `uname -m` says it. */
  readonly machine: string;
  /** The loader that it needs, if it is dynamically linked. */
  readonly interpreter?: string;
}

/** Where programs that coreup brings go: where a person looks for such, and before the distribution's own in PATH. */
export function programPath(name: string): string {
  return `/usr/local/bin/${name}`;
}

/** The program as a file of the host's state: digests decide whether it has to be sent. */
export function programFile(name: string, { content }: HostProgram, origin: Origin): HostFile {
  return { path: programPath(name), mode: 0o755, owner: null, content, origin };
}

/** What has to be looked at on a host that may get these programs. */
export function programPaths(programs: Readonly<Record<string, HostProgram>>): readonly string[] {
  return Object.entries(programs).flatMap(([name, { interpreter }]) => [
    programPath(name),
    ...(interpreter === undefined ? [] : [interpreter]),
  ]);
}

/** Why a host cannot run programs; one sentence about it with a hint. */
export interface Refusal {
  readonly message: string;
  readonly hint: string;
}

/**
 * Why a host cannot run one of these programs.
 *
 * @param key of config.ts, such as `fleet.source`
 * @param what they are together, such as `fleet`
 */
export function programRefusal(
  programs: Readonly<Record<string, HostProgram>>,
  host: Observation,
  { key, what }: { readonly key: string; readonly what: string },
): Refusal | undefined {
  for (const [name, { machine, interpreter }] of Object.entries(programs)) {
    if (host.machine !== '' && machine !== host.machine) {
      return {
        message: `is ${host.machine}, and ${name} of ${key} is a program for ${machine}`,
        hint: `Name a ${what} that was built for ${host.machine}.`,
      };
    }
    if (interpreter !== undefined && !host.paths.has(interpreter)) {
      return {
        message: `has no ${interpreter}, which ${name} of ${key} is linked with`,
        hint: `Name a statically linked ${what}, as the releases are.`,
      };
    }
  }
  return undefined;
}
