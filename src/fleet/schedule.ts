import type { TargetState, UnitOption } from './client.js';

/** A unit that is to be scheduled, or that fleet has scheduled already. */
export interface UnitToPlace {
  readonly name: string;
  readonly options: readonly UnitOption[];
  readonly target: TargetState;
  /** ID of the machine where fleet has it now; undefined or '' for a unit that is new or waits for a machine. */
  readonly machineId?: string;
}

/** What fleet will make of one unit. */
export type Placement =
  | {
      readonly unit: string;
      readonly kind: 'placed';
      /** The machine that is expected, the first of `machines`. */
      readonly machineId: string;
      /**
       * Every machine that it can come to: fleet takes units that wait at the same time in no fixed order. One entry means
       * that the answer is certain.
       */
      readonly machineIds: readonly string[];
      /** Whether it may also find no machine, depending on that order; then `reason` says why. */
      readonly mayFail: boolean;
      readonly reason?: string;
    }
  | {
      readonly unit: string;
      readonly kind: 'global';
      /** Where it will run. */
      readonly machineIds: readonly string[];
      /** Why it will not run on the others, by machine ID. */
      readonly refusals: ReadonlyMap<string, string>;
    }
  | {
      readonly unit: string;
      readonly kind: 'unplaceable';
      /** One sentence for a person, without the unit's name: `no machine has disk=ssd`. */
      readonly reason: string;
      /** The same by machine ID; empty where there is no machine. */
      readonly refusals: ReadonlyMap<string, string>;
    }
  /** Target state inactive: fleet does not schedule it. */
  | { readonly unit: string; readonly kind: 'inactive' };

export interface SimulateOptions {
  /** What people call a machine, for the reasons; otherwise the first eight characters of its ID, as fleetctl prints it. */
  readonly machineName?: (id: string) => string;
}
