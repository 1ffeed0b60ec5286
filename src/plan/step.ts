import type { HostDirectory, HostFile, HostUser, UnitVerb } from '../cluster/host-state.js';
import type { Manifest } from './manifest.js';

/** What a step does, as data; `script.ts` turns it into shell, and nothing else does. */
export type Action =
  | { readonly kind: 'hostname'; readonly name: string }
  | { readonly kind: 'user-create'; readonly user: HostUser }
  | { readonly kind: 'user-password'; readonly name: string; readonly hash: string }
  | { readonly kind: 'authorized-keys'; readonly user: string; readonly add: readonly string[] }
  | { readonly kind: 'directory'; readonly directory: HostDirectory }
  | { readonly kind: 'file-write'; readonly file: HostFile }
  /** Only if it is one of these (sha256, hex). */
  | { readonly kind: 'file-remove'; readonly path: string; readonly sha256: readonly string[] }
  | { readonly kind: 'unit-mask' | 'unit-unmask' | 'unit-enable' | 'unit-disable'; readonly unit: string }
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

/** True if the plan restarts (not: starts) the unit. */
export function restarts(plan: HostPlan, unit: string): boolean {
  return allSteps(plan).some(
    ({ action }) => action.kind === 'unit-command' && action.unit === unit && action.verb !== 'start',
  );
}
