import { setTimeout as delay } from 'node:timers/promises';
import type { MemberStatus } from '../etcd/client.js';
import { ETCD_UNIT } from '../etcd/service.js';
import type { Reporter } from '../report/port.js';
import { orAbort } from '../ssh/abort.js';
import { CoreupError, InterruptedError, messageOf } from '../util/errors.js';
import { sh } from '../util/shell.js';
import { journalTail } from './remote.js';
import type { EtcdHost, Patience } from './run.js';

/** A slow disk or a second election can take ten seconds and more; nobody should wait for ever. */
export const PATIENCE: Patience = { ready: 90_000, agree: 10_000, poll: [40, 400], unitPoll: 1500 };
/** A member that systemd had to restart this often will not make it. */
const MOST_RESTARTS = 3;
/** With pauses that grow by a fifth, the answer is found a twelfth too late on average; by half, a sixth. */
const POLL_GROWTH = 1.2;

interface WaitContext {
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
  readonly patience?: Patience;
}

/** A member that did not become ready, with the tail of its journal. */
export class MemberNotReadyError extends CoreupError {
  constructor(
    message: string,
    readonly detail: string,
    hint?: string,
  ) {
    super(message, { code: 'MEMBER_NOT_READY', ...(hint === undefined ? {} : { hint }) });
  }
}

/**
 * Waits until a member answers clients and follows a leader. Asks gently: many questions at once slow the stragglers.
 *
 * @param abandon aborted when it is certain that there will be no quorum
 * @throws MemberNotReadyError if etcd has ended for good, or at the deadline; InterruptedError at once when interrupted
 */
export function waitForMember(member: EtcdHost, context: WaitContext, abandon?: AbortSignal): Promise<MemberStatus> {
  return orAbort(poll(member, context, abandon), context.signal);
}

async function poll(
  member: EtcdHost,
  { reporter, signal, patience = PATIENCE }: WaitContext,
  abandon?: AbortSignal,
): Promise<MemberStatus> {
  const started = performance.now();
  let [pause] = patience.poll;
  let unitSeen = started;
  let restartsAtStart: number | undefined;
  let last = 'etcd has not answered yet';
  for (;;) {
    if (signal.aborted) throw new InterruptedError();
    try {
      const status = await member.client.status();
      if (status.leader !== undefined) return status;
      last = 'etcd runs but knows no leader: it cannot reach enough other members';
    } catch (error) {
      last = messageOf(error);
    }
    const now = performance.now();
    if (now - unitSeen > patience.unitPoll) {
      unitSeen = now;
      const unit = await unitState(member);
      restartsAtStart ??= unit.restarts;
      if (unit.active === 'failed' || unit.restarts - restartsAtStart >= MOST_RESTARTS) {
        throw await notReady(member, `etcd does not stay up (${unit.result}, restarted ${unit.restarts} times)`);
      }
      reporter.member(member.name, `waiting for etcd (${unit.active}/${unit.sub}): ${last}`);
    }
    if (abandon?.aborted) throw await notReady(member, `there will be no quorum: ${last}`);
    if (now - started > patience.ready) {
      throw await notReady(member, `not ready after ${patience.ready / 1000} s: ${last}`);
    }
    await delay(pause);
    pause = Math.min(pause * POLL_GROWTH, patience.poll[1]);
  }
}

async function notReady(member: EtcdHost, message: string): Promise<MemberNotReadyError> {
  const journal = await journalTail(member.host.connection).catch(messageOf);
  return new MemberNotReadyError(message, journal, `More of its journal: \`coreup logs ${member.name} ${ETCD_UNIT}\`.`);
}

interface UnitState {
  readonly active: string;
  readonly sub: string;
  readonly result: string;
  readonly restarts: number;
}

async function unitState(member: EtcdHost): Promise<UnitState> {
  const properties = ['ActiveState', 'SubState', 'Result', 'NRestarts'];
  const command = sh`systemctl show --property=${properties.join(',')} -- ${ETCD_UNIT}`;
  const result = await member.host.connection.run({ text: command }, { timeout: 10_000 });
  const value = new Map(
    result.stdout
      .toString()
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  return {
    active: value.get('ActiveState') ?? 'unknown',
    sub: value.get('SubState') ?? 'unknown',
    result: value.get('Result') ?? 'unknown',
    restarts: Number(value.get('NRestarts') ?? 0),
  };
}
