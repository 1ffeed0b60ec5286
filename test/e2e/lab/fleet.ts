import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from '@jest/globals';
import { withHosts } from '../../../src/actions/hosts.js';
import { openProject } from '../../../src/actions/project.js';
import { FLEET_SOCKET, FleetClient } from '../../../src/fleet/client.js';
import type { Connection } from '../../../src/ssh/port.js';
import { exchange } from '../../../src/util/http.js';
import type { TestProject } from './project.js';
import type { ExecDocument } from './shapes.js';

/** Where real fleetd and fleetctl are, given by whoever runs the tests: no package registry has them. */
export const FLEET_SOURCE = process.env['COREUP_TEST_FLEET_DIR'] ?? '';
const present = FLEET_SOURCE !== '' && ['fleetd', 'fleetctl'].every((name) => existsSync(join(FLEET_SOURCE, name)));

/** `describe` for tests with real fleet; without it they are skipped, and the output says so. */
export function describeFleet(title: string, tests: () => void): void {
  if (present) {
    describe(title, tests);
    return;
  }
  const reason = 'COREUP_TEST_FLEET_DIR names no directory with fleetd and fleetctl';
  process.stderr.write(`skipped: ${title}: ${reason}\n`);
  describe.skip(`${title} [skipped: ${reason}]`, tests);
}

/** A way to fleet on one host of a project, and to others beside it. */
export interface FleetWay {
  readonly client: FleetClient;
  /** Rounds that the engines of all hosts have finished, whichever of them leads. */
  readonly rounds: () => Promise<number>;
}

/** Connects to the hosts of a project as coreup does, for as long as `work` takes. */
export async function withFleet<T>(
  project: TestProject,
  work: (way: FleetWay) => Promise<T>,
  through = 'core-01',
): Promise<T> {
  process.env['COREUP_DATA_DIR'] = project.dataDir;
  const opened = await openProject(join(project.directory, 'config.ts'));
  return withHosts(opened, async ({ connect }) => {
    const connections = await Promise.all(opened.cluster.members.map((member) => connect(member)));
    const asked = connections[opened.cluster.members.findIndex(({ name }) => name === through)];
    if (asked === undefined) throw new Error(`there is no ${through}`);
    return work({
      client: new FleetClient(() => asked.forwardSocket(FLEET_SOCKET)),
      rounds: async () => {
        const counts = await Promise.all(connections.map(roundsOf));
        return counts.reduce((sum, count) => sum + count, 0);
      },
    });
  });
}

/** A counter of fleetd's; it goes up by two with each round of the engine that leads, and stands still elsewhere. */
async function roundsOf(connection: Connection): Promise<number> {
  const socket = await connection.forwardSocket(FLEET_SOCKET);
  const { text } = await exchange(socket, { method: 'GET', path: '/metrics' }, AbortSignal.timeout(10_000));
  return Number(/^fleet_engine_reconcile_count_total (\S+)$/m.exec(text)?.[1] ?? Number.NaN) / 2;
}

/** Where services are active, by the names of hosts, as systemd on each host says. */
export async function whereabouts(project: TestProject): Promise<Record<string, string[]>> {
  const command = "systemctl list-units --state=active --plain --no-legend '*.service' | cut -d' ' -f1";
  const { members } = await project.json<ExecDocument>(['exec', '--', command]);
  const places: Record<string, string[]> = {};
  for (const { name, stdout } of members) {
    for (const found of stdout.split('\n').filter((line) => line !== '')) (places[found] ??= []).push(name);
  }
  return places;
}
