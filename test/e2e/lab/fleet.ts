import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe } from '@jest/globals';
import { withHosts } from '../../../src/actions/hosts.js';
import { openProject } from '../../../src/actions/project.js';
import { FLEET_SOCKET, FleetClient } from '../../../src/fleet/client.js';
import type { Connection } from '../../../src/ssh/port.js';
import { exchange } from '../../../src/util/http.js';
import type { TestProject } from './project.js';

/** Where real fleetd and fleetctl are, given by whoever runs the tests: no package registry has them. */
const directory = process.env['COREUP_TEST_FLEET_DIR'] ?? '';
const present = directory !== '' && ['fleetd', 'fleetctl'].every((name) => existsSync(join(directory, name)));

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
  readonly connections: readonly Connection[];
}

/** Connects to the hosts of a project as coreup does, for as long as `work` takes. */
export async function withFleet<T>(project: TestProject, work: (way: FleetWay) => Promise<T>): Promise<T> {
  process.env['COREUP_DATA_DIR'] = project.dataDir;
  const opened = await openProject(join(project.directory, 'config.ts'));
  return withHosts(opened, async ({ connect }) => {
    const connections = await Promise.all(opened.cluster.members.map((member) => connect(member)));
    const [first] = connections;
    if (first === undefined) throw new Error('no host');
    return work({
      client: new FleetClient(() => first.forwardSocket(FLEET_SOCKET)),
      rounds: async () => {
        const counts = await Promise.all(connections.map(roundsOf));
        return counts.reduce((sum, count) => sum + count, 0);
      },
      connections,
    });
  });
}

/** A counter of fleetd's; it goes up by two with each round of the engine that leads, and stands still elsewhere. */
async function roundsOf(connection: Connection): Promise<number> {
  const socket = await connection.forwardSocket(FLEET_SOCKET);
  const { text } = await exchange(socket, { method: 'GET', path: '/metrics' }, AbortSignal.timeout(10_000));
  return Number(/^fleet_engine_reconcile_count_total (\S+)$/m.exec(text)?.[1] ?? Number.NaN) / 2;
}

/** Puts fleet on hosts by hand, as a machine that has it of its own. */
export async function installFleet(
  connections: readonly Connection[],
  metadata: readonly string[],
  settings: readonly string[] = [],
): Promise<void> {
  const programs = await Promise.all(['fleetd', 'fleetctl'].map((name) => readFile(join(directory, name))));
  await Promise.all(
    connections.map(async (connection, index) => {
      const environment = [
        'FLEET_ETCD_SERVERS=http://127.0.0.1:2379',
        `FLEET_PUBLIC_IP=${connection.target.address}`,
        `FLEET_METADATA=${metadata[index] ?? ''}`,
        ...settings,
      ];
      const script = [
        'set -e',
        ...['fleetd', 'fleetctl'].map(
          (name, which) =>
            `head -c ${programs[which]?.length} >/usr/local/bin/${name}; chmod 755 /usr/local/bin/${name}`,
        ),
        "printf '[Socket]\\nListenStream=/var/run/fleet.sock\\n' >/etc/systemd/system/fleet.socket",
        `cat >/etc/systemd/system/fleet.service <<'X'
[Unit]
Requires=fleet.socket
After=fleet.socket
[Service]
ExecStart=/usr/local/bin/fleetd
Restart=always
${environment.map((line) => `Environment=${line}`).join('\n')}
[Install]
WantedBy=multi-user.target
X`,
        'systemctl daemon-reload',
        'systemctl enable --now fleet.socket fleet.service',
      ].join('\n');
      const { code, stderr } = await connection.run({ text: script, sudo: true, input: programs });
      if (code !== 0) throw new Error(`fleet is not installed on ${connection.target.name}: ${stderr.toString()}`);
    }),
  );
}
