import { FLEET_SOCKET, FleetClient } from '../fleet/client.js';
import { DrillWatch } from '../fleet/drill.js';
import type { FleetView } from '../fleet/report.js';
import type { HostRun } from '../phases/run.js';
import type { Reporter } from '../report/port.js';
import { pause } from '../ssh/abort.js';
import { CoreupError } from '../util/errors.js';
import { drilledUnit, type DrilledUnit } from './drill-result.js';
import { machineIds } from './fleet-status.js';
import type { Project } from './project.js';

/** Milliseconds: between two looks, for fleet's own work, and agent_ttl where config.ts does not say. */
const LOOK = 250;
const WORK = 60_000;
const AGENT_TTL = 30_000;

/** fleet as the survivors see it. */
export class DrillFleet {
  private constructor(
    private readonly clients: readonly FleetClient[],
    readonly watch: DrillWatch,
    private readonly nameOf: (machineId: string) => string,
    private readonly before: FleetView,
  ) {}

  static async open(hosts: readonly HostRun[], victim: string): Promise<DrillFleet | undefined> {
    const ids = await machineIds(hosts);
    const lost = [...ids].find(([, name]) => name === victim)?.[0];
    const clients = hosts
      .filter(({ name }) => name !== victim)
      .map((host) => new FleetClient(() => host.connection.forwardSocket(FLEET_SOCKET), 5000));
    const before = await look(clients);
    if (lost === undefined || before === undefined) return undefined;
    const nameOf = (id: string): string => ids.get(id) ?? id.slice(0, 8);
    return new DrillFleet(clients, new DrillWatch(before, lost, nameOf), nameOf, before);
  }

  look(): Promise<FleetView | undefined> {
    return look(this.clients);
  }

  units(from: string): readonly DrilledUnit[] {
    return this.watch.moves.map((move) => drilledUnit(move, from, this.nameOf));
  }

  /** Waits until nothing is missing, for no longer than reports may take to come again. */
  async settle(problems: string[]): Promise<FleetView> {
    const start = performance.now();
    let view = await this.look();
    while (performance.now() - start < WORK) {
      const back = view && this.before.machines.every(({ id }) => view?.machines.some((machine) => machine.id === id));
      if (view && back === true && this.watch.broken(view).lost.length === 0) return view;
      await new Promise((resolve) => setTimeout(resolve, LOOK));
      view = await this.look();
    }
    if (!view)
      throw new CoreupError('no fleetd answers after the drill', { code: 'DRILL_FLEET', hint: 'Run `coreup status`.' });
    const machines = view.machines.map(({ id }) => id);
    for (const { id } of this.before.machines.filter((machine) => !machines.includes(machine.id))) {
      problems.push(`${this.nameOf(id)} is not among fleet's machines again`);
    }
    return view;
  }
}

/** What fleet says, through the first that answers; undefined where none does. */
async function look(clients: readonly FleetClient[]): Promise<FleetView | undefined> {
  for (const client of clients) {
    try {
      const [machines, units, states] = await Promise.all([client.machines(), client.units(), client.states()]);
      return { machines, units, states };
    } catch {
      // Without a leader etcd lets fleet wait; the next look will tell.
    }
  }
  return undefined;
}

interface FleetPatience {
  readonly start: number;
  readonly patience: number;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
  readonly problems: string[];
}

/** Until every unit that another machine can take runs there. */
export async function watchFleet(
  fleet: DrillFleet,
  { start, patience, reporter, signal, problems }: FleetPatience,
): Promise<void> {
  do {
    const view = await fleet.look();
    if (view) fleet.watch.see(view, performance.now() - start);
    for (const { unit, machineId } of fleet.watch.moves) {
      const waits = fleet.watch.awaited.includes(unit);
      reporter.member(
        unit,
        machineId === undefined ? 'on no machine' : 'on another machine',
        waits ? 'running' : 'done',
      );
    }
    if (fleet.watch.awaited.length === 0) return;
    await pause(LOOK, signal);
  } while (performance.now() - start < patience);
  problems.push(`after ${patience / 1000} s these units do not run elsewhere: ${fleet.watch.awaited.join(', ')}`);
}

/** How long fleet may take to move units, in milliseconds: it gives a machine up after agent_ttl (`30s`, `1m30s`). */
export function patienceFor({ config }: Project): number {
  const text = config.fleet.agent_ttl ?? '';
  const units: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
  const parts = [...text.matchAll(/([\d.]+)(ms|h|m|s)/g)].map(
    ([, count, unit]) => Number(count) * (units[unit ?? ''] ?? 0),
  );
  return WORK + (parts.length === 0 ? AGENT_TTL : parts.reduce((sum, part) => sum + part, 0));
}
