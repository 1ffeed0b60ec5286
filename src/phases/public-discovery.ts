import { setTimeout as delay } from 'node:timers/promises';
import { checkToken, look, tokenOf } from '../discovery/token.js';
import type { Expected } from '../discovery/registration.js';
import { ETCD_UNIT } from '../etcd/service.js';
import { restarts } from '../plan/step.js';
import { CoreupError, InterruptedError, messageOf } from '../util/errors.js';
import { refuseWithoutV2Discovery } from './discovery-version.js';
import { etcdHosts } from './etcd-host.js';
import { etcdProgress } from './etcd-progress.js';
import { MembersFailedError, onAll } from './failures.js';
import type { EtcdHost, Rendezvous, UpRun } from './run.js';

/** Milliseconds between two looks at the token: a service that others use is not to be pressed. */
const WATCH_PAUSE = 2000;

/**
 * Looks at the token before any member is started, and watches who registers. Members ask the service themselves; that
 * this machine cannot reach it is no reason to stop.
 */
export function publicRendezvous(url: string): Rendezvous {
  const over = new AbortController();
  let watching: Promise<void> = Promise.resolve();
  return {
    title: 'Looking at the discovery token',
    async open(run) {
      const members = etcdHosts(run.hosts);
      refuseWithoutV2Discovery(members, 'public');
      const expected = members.map((member) => member.expected);
      const registered = await lookBefore(url, expected, run);
      await refuseSpent(url, members, registered, run);
      watching = watch(url, expected, registered, run, over.signal);
    },
    async close() {
      over.abort();
      await watching;
    },
  };
}

async function lookBefore(url: string, expected: readonly Expected[], run: UpRun): Promise<readonly string[]> {
  try {
    return checkToken(url, await look(url, { signal: run.signal }), expected);
  } catch (error) {
    if (!(error instanceof CoreupError) || error.code !== 'DISCOVERY_UNREACHABLE') throw error;
    run.reporter.warn(`${error.message}; whether the token is the right one shows when the members ask for it`);
    return [];
  }
}

/**
 * A member registers once. One whose etcd ends before all have come is refused for ever ("found duplicate id"), which
 * nobody would see before a long wait.
 */
async function refuseSpent(
  url: string,
  members: readonly EtcdHost[],
  registered: readonly string[],
  run: UpRun,
): Promise<void> {
  const known = members.filter(({ expected }) => registered.includes(expected.name));
  const spent = await onAll(
    'no host was changed, since etcd could not be looked at on',
    known,
    run.reporter,
    async (member) => {
      const { founded, active } = await etcdProgress(member.host.connection, member.host.desired, run.signal);
      const waits = active === 'activating' && !restarts(member.host.plan, ETCD_UNIT);
      return founded || waits || active === 'active' ? [] : [member.name];
    },
  );
  const names = spent.flat();
  if (names.length === 0) return;
  throw new MembersFailedError(
    `no host was changed, since the discovery token ${tokenOf(url)} is spent`,
    names.map((member) => ({
      member,
      message: 'has registered with it, and its etcd was ended before the others came: it would be refused',
      hint: 'Run `coreup token new`, then `coreup up`; with a url in config.ts, give another one.',
    })),
  );
}

/** Tells who registers, until all have, or until it is over. Never fails: the members themselves are verified. */
async function watch(
  url: string,
  expected: readonly Expected[],
  before: readonly string[],
  { reporter }: UpRun,
  signal: AbortSignal,
): Promise<void> {
  let seen = before;
  let warned = '';
  while (seen.length < expected.length && (await pauseUnless(signal))) {
    try {
      const now = checkToken(url, await look(url, { signal, pauses: [] }), expected);
      for (const name of now.filter((other) => !seen.includes(other))) {
        reporter.member(name, `registered (${now.indexOf(name) + 1} of ${expected.length})`);
      }
      seen = now;
    } catch (error) {
      if (error instanceof InterruptedError) return;
      const message = messageOf(error);
      if (message !== warned) reporter.warn(message);
      warned = message;
    }
  }
}

/** @returns false once it is over */
function pauseUnless(signal: AbortSignal): Promise<boolean> {
  return delay(WATCH_PAUSE, true, { signal }).catch(() => false);
}
