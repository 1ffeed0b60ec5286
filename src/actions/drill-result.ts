import type { BrokenPromises, UnitMove } from '../fleet/drill.js';

/** What a drill found. Times in seconds after the power was cut. */
export interface DrillResult {
  readonly ok: boolean;
  readonly victim: { readonly name: string; readonly leader: boolean };
  readonly etcd: {
    /** When another leader was known; null where the victim did not lead. */
    readonly elected: number | null;
    readonly leader: string;
    /** When a read that needs a quorum succeeded for the first time. */
    readonly answers: number | null;
  };
  /** null where there is no fleet. */
  readonly fleet: {
    readonly units: readonly DrilledUnit[];
    readonly promises: {
      readonly conflicts: { readonly kept: boolean; readonly broken: readonly string[] };
      readonly nothing_lost: { readonly kept: boolean; readonly broken: readonly string[] };
    };
  } | null;
  /** When the victim was a healthy member again, counted from its start. */
  readonly restored: { readonly ok: boolean; readonly seconds: number };
  /** What did not go as it should. */
  readonly problems: readonly string[];
}

export interface DrilledUnit {
  readonly name: string;
  readonly from: string;
  /** The member that has it now, null where none could take it. */
  readonly to: string | null;
  readonly scheduled: number | null;
  readonly running: number | null;
  /** Why no other machine could take it. */
  readonly reason?: string;
}

export function drilledUnit(move: UnitMove, from: string, nameOf: (machineId: string) => string): DrilledUnit {
  const { unit, machineId, scheduledAfter, runningAfter, stuck } = move;
  return {
    name: unit,
    from,
    to: machineId === undefined ? null : nameOf(machineId),
    scheduled: seconds(scheduledAfter),
    running: seconds(runningAfter),
    ...(stuck === undefined ? {} : { reason: stuck }),
  };
}

export function promises({ conflicts, lost }: BrokenPromises): NonNullable<DrillResult['fleet']>['promises'] {
  return {
    conflicts: { kept: conflicts.length === 0, broken: conflicts },
    nothing_lost: { kept: lost.length === 0, broken: lost },
  };
}

/** Milliseconds as seconds, to the hundredth; null for what did not happen. */
export function seconds(milliseconds: number): number;
export function seconds(milliseconds: number | undefined): number | null;
export function seconds(milliseconds: number | undefined): number | null {
  return milliseconds === undefined ? null : Math.round(milliseconds / 10) / 100;
}
