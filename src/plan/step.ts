import type { HostDirectory, HostFile, HostUser, UnitVerb } from '../cluster/host-state.js';
import type { Manifest } from './manifest.js';

/** What a step does, as data; `script.ts` turns it into shell, and nothing else does. */
export type Action =
  | { readonly kind: 'hostname'; readonly name: string }
  /** The unit that the packages bring is not started. They must bring a program of this major and minor version. */
  | {
      readonly kind: 'package-install';
      readonly names: readonly string[];
      readonly unit: string;
      readonly program: string;
      readonly version: string;
    }
  | { readonly kind: 'user-create'; readonly user: HostUser }
  | { readonly kind: 'user-password'; readonly name: string; readonly hash: string }
  | {
      readonly kind: 'authorized-keys';
      readonly user: string;
      readonly add: readonly string[];
      readonly remove: readonly string[];
    }
  | { readonly kind: 'directory'; readonly directory: HostDirectory }
  /** `keep`: what is there now is the host's own, and is put aside. */
  | { readonly kind: 'file-write'; readonly file: HostFile; readonly keep?: true }
  /** Only over the content that was looked at (sha256, hex); null where there was no file. */
  | { readonly kind: 'file-edit'; readonly file: HostFile; readonly present: string | null }
  /** Only if it is one of these (sha256, hex). `restore`: what was put aside comes back in its place. */
  | { readonly kind: 'file-remove'; readonly path: string; readonly sha256: readonly string[]; readonly restore?: true }
  /** Only if it is empty. */
  | { readonly kind: 'directory-remove'; readonly path: string }
  | { readonly kind: 'unit-mask' | 'unit-enable' | 'unit-reenable' | 'unit-disable'; readonly unit: string }
  /** `runtime`: a mask for this boot only. */
  | { readonly kind: 'unit-unmask'; readonly unit: string; readonly runtime?: true }
  /** Stops a unit for good; the name may be a pattern for the instances of a template. */
  | { readonly kind: 'unit-retire'; readonly unit: string }
  /** Gives a file or directory another name, beside where it was; nothing is deleted. */
  | { readonly kind: 'put-aside'; readonly path: string }
  | { readonly kind: 'daemon-reload' }
  | { readonly kind: 'unit-command'; readonly unit: string; readonly verb: UnitVerb; readonly wait: boolean }
  | { readonly kind: 'record'; readonly manifest: Manifest };

/** One change on one host. */
export interface Step {
  readonly kind: Action['kind'];
  /** What it changes: a path, a unit, a user. */
  readonly target: string;
  /** Why, in a few words. */
  readonly reason: string;
  readonly action: Action;
}

/** Puts a step together. */
export function step(action: Action, target: string, reason: string): Step {
  return { kind: action.kind, target, reason, action };
}

/** The steps for one host, in the two stages in which they run. */
export interface HostPlan {
  /** Up to and including etcd's start; runs before the cluster is there. */
  readonly apply: readonly Step[];
  /** Commands that the cloud-config puts after etcd's; they run once the cluster is healthy. */
  readonly finish: readonly Step[];
}

/** All steps of a plan in order. */
export function allSteps(plan: HostPlan): readonly Step[] {
  return [...plan.apply, ...plan.finish];
}

/** The verbs with which a plan commands a unit, in order. */
export function commands(plan: HostPlan, unit: string): readonly UnitVerb[] {
  return allSteps(plan).flatMap(({ action }) =>
    action.kind === 'unit-command' && action.unit === unit ? [action.verb] : [],
  );
}

/** False for what only keeps coreup's books. */
export function isChange({ kind }: Step): boolean {
  return kind !== 'record';
}

/** True if the plan restarts (not: starts) the unit. */
export function restarts(plan: HostPlan, unit: string): boolean {
  return commands(plan, unit).some((verb) => verb !== 'start');
}
