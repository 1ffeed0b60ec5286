import type { HostState } from '../cluster/host-state.js';
import type { Member } from '../cluster/types.js';
import { tryPort } from '../phases/reach-port.js';
import type { Connection } from '../ssh/port.js';
import { CoreupError, messageOf } from '../util/errors.js';
import { etcdWish, type EtcdWish } from './etcd-wish.js';
import { factsScript, parseFacts } from './host-script.js';
import type { HostFacts, HostView, TriedPort } from './host-view.js';
import { clockOffset, syncFigures } from './probes.js';

/** Milliseconds for the script that looks; names that do not resolve take their time. */
const LOOK_TIMEOUT = 20_000;
/** Milliseconds for one port: the kernel gives up finding a neighbour after three seconds. */
const PORT_LIMIT = 4000;

/** A host that is to be looked at. */
export interface Patient {
  readonly member: Member;
  readonly desired?: HostState;
  readonly connect: () => Promise<Connection>;
}

/** A port of a member that others must reach. */
export interface Target {
  readonly to: string;
  readonly host: string;
  readonly port: number;
}

const NOTHING: EtcdWish = {
  etcd: false,
  dataDirectory: '/var/lib/etcd2',
  listens: [],
  advertised: { peer: [], client: [] },
  names: [],
  certificates: [],
  shown: [],
  keys: [],
};

/**
 * Learns of a host what can be learned, one thing after the other, and changes nothing. Never fails: what goes wrong is
 * a trouble of its own, and what does not depend on it is learned all the same.
 */
export async function lookAtHost({ member, desired, connect }: Patient, targets: readonly Target[]): Promise<HostView> {
  const { name } = member;
  const troubles: HostView['troubles'][number][] = [];
  const attempt = async <T>(check: string, advice: string, work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (reason) {
      const hint = reason instanceof CoreupError ? reason.hint : undefined;
      troubles.push({ check, what: messageOf(reason).replace(`${name}: `, ''), advice: hint ?? advice });
      return undefined;
    }
  };
  const wish = desired === undefined ? NOTHING : etcdWish(desired);
  const base = { name, member, ...(desired === undefined ? {} : { desired }) };
  const connection = await attempt('reachable', 'Check that the host is up.', connect);
  if (!connection) return { ...base, reached: false, ports: [], troubles };

  const clock = await attempt('clock', 'Log in and look at its `date`.', () => clockOffset(connection));
  const facts = await attempt('look', 'Log in and see whether sudo works and the host is overloaded.', () =>
    lookCloser(connection, wish),
  );
  const ports = await attempt('ports', 'Look into the log of its sshd.', () => tryPorts(connection, targets));
  // What the full disk says is said already; without root nothing can be measured.
  const sync =
    facts === undefined || facts.disk?.free === 0
      ? undefined
      : await attempt('disk-sync', 'Look at the disk: `dmesg`, `mount`, `df`.', () =>
          syncFigures(connection, wish.dataDirectory),
        );
  return {
    ...base,
    reached: true,
    ...(clock === undefined ? {} : { clock, roundTrip: clock.bound * 2 }),
    ...(facts === undefined ? {} : { facts }),
    ...(sync === undefined ? {} : { sync }),
    ports: ports ?? [],
    troubles,
  };
}

async function lookCloser(connection: Connection, wish: EtcdWish): Promise<HostFacts> {
  const { stdout } = await connection.run({ text: factsScript(wish), sudo: true }, { timeout: LOOK_TIMEOUT });
  return parseFacts(stdout.toString());
}

function tryPorts(connection: Connection, targets: readonly Target[]): Promise<readonly TriedPort[]> {
  return Promise.all(
    targets.map(async ({ to, host, port }) => ({
      to,
      address: host,
      port,
      answer: await tryPort(connection, host, port, PORT_LIMIT),
    })),
  );
}
