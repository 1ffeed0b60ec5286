import type { FleetUnit, UnitState } from './client.js';
import { isGlobal, isOneshot, type ServiceUnit } from './services.js';
import { unitHash } from './unit-options.js';

/** How far a unit has come towards what is wanted of it. */
export type Verdict =
  | { readonly kind: 'done'; readonly machineIds: readonly string[] }
  /** `busy`: systemd is at work on it, which may take as long as the unit allows. */
  | { readonly kind: 'waiting'; readonly why: string; readonly machineId?: string; readonly busy?: true }
  | { readonly kind: 'failed'; readonly why: string; readonly machineId: string };

/** After a failure fleet may lose the report on a unit for half a minute or longer, though it runs. */
const NOT_REPORTED = 'its machine has not reported on it';

/** What fleet says of the whole cluster at one moment. */
export interface FleetView {
  readonly units: readonly FleetUnit[];
  readonly states: readonly UnitState[];
}

/**
 * Judges a unit by what fleet and the agents say. Pure. Agents report what runs; that a unit has no report does not mean
 * that it is gone, only that nobody knows.
 *
 * @param machineIds where a global unit is to run
 */
export function judge(unit: ServiceUnit, view: FleetView, machineIds: readonly string[]): Verdict {
  const there = view.units.find(({ name }) => name === unit.name);
  if (!there) return { kind: 'waiting', why: 'fleet does not list it' };
  const states = view.states.filter(({ name }) => name === unit.name);
  if (unit.target === 'inactive') {
    const left = states.find(({ active }) => isUp(active));
    return left && !isGlobal(unit.options)
      ? { kind: 'waiting', why: `still ${left.active}`, machineId: left.machineId }
      : { kind: 'done', machineIds: [] };
  }
  if (isGlobal(unit.options)) return together(machineIds.map((id) => onMachine(unit, states, id)));
  if (there.machineId === '') return { kind: 'waiting', why: 'fleet has not found a machine for it' };
  return onMachine(unit, states, there.machineId);
}

/** A global unit is as far as the last of its copies. */
function together(verdicts: readonly Verdict[]): Verdict {
  return (
    verdicts.find(({ kind }) => kind === 'failed') ??
    verdicts.find(({ kind }) => kind === 'waiting') ?? {
      kind: 'done',
      machineIds: verdicts.flatMap((verdict) => (verdict.kind === 'done' ? verdict.machineIds : [])),
    }
  );
}

function onMachine(unit: ServiceUnit, states: readonly UnitState[], machineId: string): Verdict {
  const state = states.find((candidate) => candidate.machineId === machineId);
  const waiting = (why: string, busy = false): Verdict => ({
    kind: 'waiting',
    why,
    machineId,
    ...(busy ? { busy } : {}),
  });
  if (!state) return waiting(NOT_REPORTED);
  if (state.hash !== '' && state.hash !== unitHash(unit.options))
    return waiting('its machine still has the old content');
  const { load, active, sub } = state;
  if (load !== 'loaded') return { kind: 'failed', why: `systemd does not take it (${load})`, machineId };
  if (unit.target === 'loaded') {
    return isUp(active) || active === 'deactivating'
      ? waiting(`still ${active}`, active === 'deactivating')
      : { kind: 'done', machineIds: [machineId] };
  }
  if (active === 'failed') return { kind: 'failed', why: `has failed (${sub})`, machineId };
  if (active === 'active' || (active === 'inactive' && isOneshot(unit.options)))
    return { kind: 'done', machineIds: [machineId] };
  return waiting(`is ${active} (${sub})`, active === 'activating');
}

function isUp(active: string): boolean {
  return active === 'active' || active === 'activating' || active === 'reloading';
}
