import { FLEET_SOCKET, FleetClient } from '../fleet/client.js';
import { fleetReport, type FleetReport } from '../fleet/report.js';
import type { Connection } from '../ssh/port.js';
import { CoreupError, messageOf } from '../util/errors.js';

/** A host that was reached. */
export interface ReachedHost {
  readonly name: string;
  readonly connection: Connection;
}

/** How long fleet may take for each answer, in milliseconds. */
const TIMEOUT = 4000;

/**
 * Asks fleet through the first host whose fleetd answers: each of them answers for the whole cluster.
 *
 * @param enabled as in config.ts; with 'auto', hosts without fleet are no problem
 * @returns null where there is no fleet
 */
export async function fleetStatus(
  hosts: readonly ReachedHost[],
  enabled: 'auto' | boolean,
): Promise<FleetReport | null> {
  if (enabled === false) return null;
  const problems: string[] = [];
  for (const { name, connection } of hosts) {
    const client = new FleetClient(() => connection.forwardSocket(FLEET_SOCKET), TIMEOUT);
    try {
      // All three are asked at once: they should be of one moment.
      const [machines, units, states] = await Promise.all([client.machines(), client.units(), client.states()]);
      const ids = await machineIds(hosts);
      return fleetReport({ machines, units, states }, (id) => ids.get(id));
    } catch (error) {
      const absent = error instanceof CoreupError && error.code === 'SSH_FORWARD';
      if (!absent || enabled === true) problems.push(`${name}: ${messageOf(error)}`);
    }
  }
  if (problems.length === 0) return null;
  return { machines: [], units: [], problem: `no fleetd answers (${problems.join('; ')})` };
}

/** The member of each machine ID; a host that does not say its own is left out. */
export async function machineIds(hosts: readonly ReachedHost[]): Promise<ReadonlyMap<string, string>> {
  const ids = await Promise.all(
    hosts
      .map(async ({ name, connection }) => {
        const { stdout } = await connection.run({ text: 'cat /etc/machine-id' }, { timeout: TIMEOUT });
        return [stdout.toString().trim(), name] as const;
      })
      .map((asked) => asked.catch(() => undefined)),
  );
  return new Map(ids.filter((entry) => entry !== undefined));
}
