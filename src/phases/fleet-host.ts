import { setTimeout as delay } from 'node:timers/promises';
import { FleetClient, FLEET_SOCKET } from '../fleet/client.js';
import { FLEET_UNIT } from '../fleet/service.js';
import { fleetOrigin } from '../plan/adapt-fleet.js';
import { orAbort } from '../ssh/abort.js';
import { CoreupError, messageOf } from '../util/errors.js';
import { sh } from '../util/shell.js';
import { journalTail } from './remote.js';
import type { HostRun, UpRun } from './run.js';

/** A host that runs fleet, with a client that goes over the host's SSH connection to its own fleetd. */
export interface FleetHost {
  readonly host: HostRun;
  readonly name: string;
  readonly client: FleetClient;
}

/** The hosts that run fleet, as far as is known once they have been looked at. */
export function fleetHosts(hosts: readonly HostRun[]): readonly FleetHost[] {
  return hosts
    .filter((host) => fleetOrigin(host.fleet, host.observation) !== 'none')
    .map((host) => ({
      host,
      name: host.name,
      client: new FleetClient(() => host.connection.forwardSocket(FLEET_SOCKET)),
    }));
}

/**
 * Asks fleet something, or tells it to do something, until a fleetd does: one after the other, since each of them speaks
 * for the whole cluster, and again while etcd elects. What is asked may be done twice.
 *
 * @throws CoreupError of the last one that was asked, once the time is over
 */
export function askFleet<T>(
  hosts: readonly FleetHost[],
  signal: AbortSignal,
  ask: (client: FleetClient) => Promise<T>,
): Promise<T> {
  return orAbort(attempts(), signal);

  async function attempts(): Promise<T> {
    const deadline = performance.now() + ANSWER;
    for (let turn = 0; ; turn++) {
      signal.throwIfAborted();
      const host = hosts[turn % hosts.length];
      if (!host) throw new RangeError('no host runs fleet');
      try {
        return await ask(host.client);
      } catch (error) {
        if (!(error instanceof CoreupError) || performance.now() > deadline) throw error;
      }
      if (turn >= hosts.length - 1) await delay(PAUSE);
    }
  }
}

/** Milliseconds in which some fleetd must answer: longer than an election of etcd takes. */
const ANSWER = 30_000;
/** Milliseconds until a fleetd that has just started must have made its machine known. */
const READY = 60_000;
/** Milliseconds after which a fleetd that says that it has no etcd is started anew. */
const WEDGED = 15_000;
const PAUSE = 250;

class FleetNotReadyError extends CoreupError {
  constructor(
    message: string,
    readonly detail: string,
    member: string,
  ) {
    super(message, { code: 'FLEET_NOT_READY', hint: `More of its journal: \`coreup logs ${member} ${FLEET_UNIT}\`.` });
  }
}

/**
 * Waits until this host's fleetd answers and its machine is in the list that all fleetds share.
 *
 * @throws CoreupError FLEET_NOT_READY with the tail of its journal
 */
export function waitForMachine(fleet: FleetHost, { reporter, signal }: UpRun): Promise<void> {
  return orAbort(poll(), signal);

  async function poll(): Promise<void> {
    const deadline = performance.now() + READY;
    let started = performance.now();
    for (;;) {
      let why: string;
      try {
        const machines = await fleet.client.machines();
        if (machines.some(({ id }) => id === fleet.host.observation.machineId)) return;
        why = 'fleetd answers, but its machine is not in the list of machines yet';
      } catch (error) {
        why = messageOf(error);
      }
      signal.throwIfAborted();
      if (performance.now() > deadline) {
        const journal = await journalTail(fleet.host.connection, FLEET_UNIT).catch(messageOf);
        throw new FleetNotReadyError(`fleet is not ready after ${READY / 1000} s: ${why}`, journal, fleet.name);
      }
      reporter.member(fleet.name, `waiting for fleet: ${why}`);
      if (performance.now() - started > WEDGED) {
        started = performance.now();
        reporter.member(fleet.name, 'starting fleetd anew, since etcd is healthy');
        await startAnew(fleet.host).catch(() => undefined);
      }
      await delay(PAUSE);
    }
  }
}

/**
 * A fleetd that has lost etcd, or finds its machine still registered by one that was killed, tries again after pauses that
 * grow to a minute, and one that cannot end its own parts waits as long before it gives up (Run and Supervise in
 * server/server.go). Its units run on when it is killed, and the next one takes them over; a stop would end them all.
 */
async function startAnew({ connection }: HostRun): Promise<void> {
  const text = sh`systemctl kill --signal=KILL ${FLEET_UNIT}; systemctl start --no-block ${FLEET_UNIT}`;
  await connection.run({ text, sudo: true }, { timeout: 10_000 });
}

/** The units that run in the cluster; none where fleet does not say. */
export async function launchedUnits({ client }: FleetHost): Promise<readonly string[]> {
  const states = await client.states().catch(() => []);
  return states.filter(({ active }) => active === 'active').map(({ name }) => name);
}

/** Waits until units run again that have run before; whoever does not within the time is left for later to find. */
export async function waitForUnits(fleet: FleetHost, before: readonly string[], run: UpRun): Promise<void> {
  const deadline = performance.now() + READY;
  for (;;) {
    const running = await orAbort(launchedUnits(fleet), run.signal);
    const missing = before.filter((unit) => !running.includes(unit));
    if (missing.length === 0 || performance.now() > deadline) return;
    run.reporter.member(fleet.name, `waiting for ${missing.join(', ')} to run again`);
    await orAbort(delay(PAUSE), run.signal);
  }
}
