import { isRegistrationOf, parseRegistration, type Expected } from '../discovery/registration.js';
import { ephemeralKey, type EphemeralDiscovery } from '../discovery/ephemeral.js';
import { TokenServer, type KeptRegistration } from '../discovery/v2-server/token-server.js';
import { ETCD_UNIT } from '../etcd/service.js';
import { restarts } from '../plan/step.js';
import { pause } from '../ssh/abort.js';
import type { Listener } from '../ssh/port.js';
import type { StateDirectory } from '../state/state.js';
import { CoreupError } from '../util/errors.js';
import { sh } from '../util/shell.js';
import { refuseWithoutV2Discovery } from './discovery-version.js';
import { etcdHosts } from './etcd-host.js';
import { etcdProgress } from './etcd-progress.js';
import { onAll } from './failures.js';
import { runAsRoot } from './remote.js';
import type { EtcdHost, Rendezvous, UpRun } from './run.js';

const LOOPBACK = '127.0.0.1';
/** Milliseconds in which sshd notices that an earlier run's connection is gone, and frees its port. */
const PORT_PATIENCE = 15_000;
const PORT_PAUSE = 250;

/**
 * Serves the token here, and to each member at a port of its own host through its SSH connection. Who has registered is
 * remembered before it is answered, so that a run that goes on after a crash serves the same token.
 */
export function ephemeralRendezvous(discovery: EphemeralDiscovery): Rendezvous {
  let server: TokenServer | undefined;
  const listeners: Listener[] = [];
  return {
    title: 'Serving discovery',
    async open(run) {
      const members = etcdHosts(run.hosts);
      refuseWithoutV2Discovery(members, 'ephemeral');
      const opened = await openServer(discovery, members, run);
      server = opened;
      await onAll('no host was changed, since discovery cannot be served to', members, run.reporter, async (member) => {
        listeners.push(await listen(member, discovery.port, opened, run));
      });
      await onAll('etcd could not be told to ask again on', members, run.reporter, (member) => wake(member, run));
    },
    async close() {
      await Promise.all(listeners.splice(0).map((listener) => listener.close()));
      server?.close();
    },
  };
}

async function openServer(
  discovery: EphemeralDiscovery,
  members: readonly EtcdHost[],
  { state, reporter }: UpRun,
): Promise<TokenServer> {
  const expected = members.map((member) => member.expected);
  const kept = ((await state.load()).discovery?.registrations ?? []).filter((entry) => isOneOf(entry, expected));
  let count = kept.length;
  return new TokenServer({
    token: ephemeralKey(discovery),
    members: expected,
    kept,
    onRegister: async (registration, name) => {
      await remember(state, registration);
      reporter.member(name, `registered (${++count} of ${expected.length})`);
    },
  });
}

function isOneOf({ value }: KeptRegistration, expected: readonly Expected[]): boolean {
  const registered = parseRegistration(value);
  return registered !== undefined && expected.some((member) => isRegistrationOf(registered, member));
}

async function remember(state: StateDirectory, registration: KeptRegistration): Promise<void> {
  await state.update(({ discovery, ...rest }) => {
    if (discovery === undefined) throw new RangeError('a registration without a token');
    return { ...rest, discovery: { ...discovery, registrations: [...(discovery.registrations ?? []), registration] } };
  });
}

async function listen({ host }: EtcdHost, port: number, server: TokenServer, run: UpRun): Promise<Listener> {
  const deadline = performance.now() + PORT_PATIENCE;
  for (;;) {
    try {
      return await host.connection.listen(LOOPBACK, port, (stream) => {
        server.serve(stream);
      });
    } catch (error) {
      if (!(error instanceof CoreupError)) throw error;
      if (error.code === 'SSH_LISTEN') throw withWayOut(error, "Or use discovery: { mode: 'static' }.");
      if (error.code !== 'SSH_PORT_TAKEN') throw error;
      if (performance.now() > deadline) throw withWayOut(error, 'Or choose another discovery.port in config.ts.');
      run.reporter.member(host.name, `waiting for port ${port}, which is in use`);
      await pause(PORT_PAUSE, run.signal);
    }
  }
}

function withWayOut(error: CoreupError, way: string): CoreupError {
  const { message, code, member, hint } = error;
  return new CoreupError(message, {
    code,
    hint: hint === undefined ? way : `${hint} ${way}`,
    cause: error,
    ...(member === undefined ? {} : { member }),
  });
}

/**
 * A member that was left waiting by an earlier run asks again after ever longer pauses, minutes at last (etcd,
 * v2discovery, logAndBackoffForRetry). A restart makes it ask at once; that it registers again is no fault here.
 */
async function wake({ host }: EtcdHost, { signal, reporter }: UpRun): Promise<void> {
  if (host.observation.units.get(ETCD_UNIT)?.active !== 'activating' || restarts(host.plan, ETCD_UNIT)) return;
  const { founded, active } = await etcdProgress(host.connection, host.desired, signal);
  if (founded || active !== 'activating') return;
  reporter.member(host.name, 'asks discovery again');
  await runAsRoot(host.connection, 'restarting etcd', sh`systemctl --no-block restart -- ${ETCD_UNIT}`, { signal });
}
