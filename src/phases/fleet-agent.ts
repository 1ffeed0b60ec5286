import type { FleetClient, UnitState } from '../fleet/client.js';
import type { FleetView } from '../fleet/judge.js';
import { isGlobal } from '../fleet/services.js';
import type { HostRun } from './run.js';

/** What a host itself says of the units that its agent has there. */
export type AgentUnits = ReadonlyMap<string, Omit<UnitState, 'machineId' | 'name'>>;

/**
 * The agent writes a unit to this directory as it got it, so that the file's sum is the hash that it reports, and takes the
 * file away when it unloads the unit (systemd/manager.go).
 */
const SCRIPT = `cd /run/fleet/units 2>/dev/null || exit 0
set -- *
[ -e "$1" ] || exit 0
printf '%s\\n' "$@" && echo && sha1sum -- "$@" && echo
systemctl show --property=LoadState,ActiveState,SubState -- "$@"`;
/** Milliseconds for which an answer of a host is good enough for all who wait. */
const FRESH = 1000;
const TIMEOUT = 10_000;

/**
 * A way to ask hosts what their agents have there, once for all who want to know at the same time.
 *
 * @returns for a machine ID, and how old the answer may be in milliseconds, the units of that host; undefined where it is
 *   none of coreup's, or cannot be asked
 */
export function agentLook(
  hostOf: (machineId: string) => HostRun | undefined,
): (machineId: string, age?: number) => Promise<AgentUnits | undefined> {
  const asked = new Map<string, { readonly at: number; readonly answer: Promise<AgentUnits | undefined> }>();
  return (machineId, age = FRESH) => {
    const last = asked.get(machineId);
    if (last && performance.now() - last.at < age) return last.answer;
    const host = hostOf(machineId);
    const answer = host ? unitsOf(host).catch(() => undefined) : Promise.resolve(undefined);
    asked.set(machineId, { at: performance.now(), answer });
    return answer;
  };
}

async function unitsOf(host: HostRun): Promise<AgentUnits> {
  const { stdout } = await host.connection.run({ text: SCRIPT }, { timeout: TIMEOUT });
  return parseAgentUnits(stdout.toString());
}

/** Three parts in the same order of units, apart by empty lines: names, sums, and systemd's properties. */
export function parseAgentUnits(text: string): AgentUnits {
  const [names = '', sums = '', ...shown] = text.split('\n\n');
  const hashes = sums.split('\n');
  return new Map(
    names
      .split('\n')
      .filter((name) => name !== '')
      .map((name, index) => {
        const value = (key: string): string => new RegExp(`^${key}=(.*)$`, 'm').exec(shown[index] ?? '')?.[1] ?? '';
        // sha1sum puts a backslash before the sum of a file whose name has one.
        const hash = /^\\?([0-9a-f]{40}) /.exec(hashes[index] ?? '')?.[1] ?? '';
        return [name, { hash, load: value('LoadState'), active: value('ActiveState'), sub: value('SubState') }];
      }),
  );
}

/**
 * The units that an agent still has to give up. It does so before anything else, and often only one at a time: where a unit
 * has ended at once, systemd has forgotten it by the time the agent resets it, which the agent takes for a failure and
 * leaves all else to its next round, five seconds later (Unload in systemd/manager.go, Do in agent/task.go).
 */
export function leftOvers(there: AgentUnits, { units }: FleetView, machineId: string): readonly string[] {
  const wanted = new Set(
    units
      .filter((unit) => unit.desiredState !== 'inactive' && (unit.machineId === machineId || isGlobal(unit.options)))
      .map(({ name }) => name),
  );
  return [...there.keys()].filter((name) => !wanted.has(name));
}

/** Milliseconds between two nudges: agents look at most once a second (watch in registry/event.go). */
const NUDGE = 1000;

/**
 * A way to make all agents look at what they are to do at once, and not at their next round: to say again what is wanted of
 * a unit. fleet's engines and agents watch for that (registry/event.go).
 */
export function nudger(
  ask: (work: (client: FleetClient) => Promise<void>) => Promise<void>,
): (unit: { readonly name: string; readonly target: UnitTarget }) => Promise<void> {
  let last = -Infinity;
  return async ({ name, target }) => {
    if (performance.now() - last < NUDGE) return;
    last = performance.now();
    // Only to be quicker: what hinders it will be told by those who wait.
    await ask((client) => client.setTarget(name, target)).catch(() => undefined);
  };
}

type UnitTarget = Parameters<FleetClient['setTarget']>[1];
